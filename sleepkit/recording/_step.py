"""Steps: named functions of one recording, noted now and run when asked."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import joblib

from sleepkit.exceptions import StepError
from sleepkit.utils import hash_code

if TYPE_CHECKING:
    from sleepkit.recording._recording import Recording


Layout: TypeAlias = Mapping[str, int | None]
"""Modalities, each with its number of features (None: samples, spectra, unknown)."""


class Step:
    """A function of a recording, with a name and a fingerprint of its own.

    Parameters
    ----------
    function : callable
        Takes a `Recording` and returns one of the same epochs. A module-level function,
        a ``functools.partial`` of one, or an instance of a module-level class that
        defines ``__call__``; it must pickle. A step that changes the layout of a
        recording says so by a method ``layout``, from the `Layout` that goes in to the
        one that comes out. One that computes nothing has a true ``only_chooses``.
    """

    __slots__ = ("fingerprint", "function")

    def __init__(self, function: Callable[[Recording], Recording]) -> None:
        _check_named(function)
        self.function = function
        self.fingerprint = _fingerprint(function)

    def __call__(self, recording: Recording) -> Recording:
        """Run the function and take over the signals it returns."""
        result = self.function(recording)
        if not hasattr(result, "with_signals"):
            msg = f"Step {self} must return a Recording; got {type(result).__name__}."
            raise StepError(msg)
        before = (recording.id, recording.subject, recording.n_epochs)
        after = (result.id, result.subject, result.n_epochs)
        if before != after:
            msg = (
                f"Step {self} must keep id, subject and number of epochs; "
                f"it turned {before} into {after}."
            )
            raise StepError(msg)
        signals = result.signals
        given = {name: signal.n_features for name, signal in signals.items()}
        announced = self.layout(recording.layout)
        if not _is_as_announced(given, announced):
            msg = (
                f"Step {self} gave the modalities (and numbers of features) {given}, "
                f"but announced {announced}; its method 'layout' must tell what comes "
                "out."
            )
            raise StepError(msg)
        return recording.with_signals(signals)

    def layout(self, before: Layout) -> Layout:
        """Say which modalities, of how many features, come out of those that go in."""
        change = getattr(self.function, "layout", None)
        return before if change is None else dict(change(before))

    @property
    def only_chooses(self) -> bool:
        """Whether it computes nothing, but leaves out modalities."""
        return getattr(self.function, "only_chooses", False)

    def __str__(self) -> str:
        """Give the name by which a manifest or an error calls the step."""
        named = _unwrapped(self.function)
        return named.__qualname__ if inspect.isroutine(named) else repr(named)


def _is_as_announced(given: Layout, announced: Layout) -> bool:
    """Whether modalities, and numbers of features where announced, are as said."""
    return set(given) == set(announced) and all(
        n_features in (None, given[name]) for name, n_features in announced.items()
    )


def _unwrapped(function: Any) -> Any:
    """Strip ``functools.partial`` from a function."""
    while isinstance(function, partial):
        function = function.func
    return function


def _definition(function: Any) -> Any:
    """Find the function or class that holds the code."""
    named = _unwrapped(function)
    return named if inspect.isroutine(named) or inspect.isclass(named) else type(named)


def _check_named(function: Any) -> None:
    """Refuse what no worker could import and no manifest could name."""
    if not callable(function):
        msg = f"A step must be callable; got {function!r}."
        raise StepError(msg)
    name = _definition(function).__qualname__
    is_method = inspect.ismethod(_unwrapped(function))
    if is_method or "<lambda>" in name or "<locals>" in name:
        msg = (
            "A step must be a module-level function, or an instance of a module-level "
            "class, so that workers find it and results can be named after it; "
            f"got {name}."
        )
        raise StepError(msg)


def _fingerprint(function: Any) -> str:
    """Identify a step by name, code and parameters."""
    definition = _definition(function)
    parts: list[Any] = [definition.__module__, definition.__qualname__]
    parts.append(hash_code(function))
    if isinstance(function, partial):
        parts.append((function.args, function.keywords))
    if not inspect.isroutine(_unwrapped(function)):
        parts.append(_unwrapped(function))
    try:
        return str(joblib.hash(parts))
    except (pickle.PicklingError, TypeError) as error:
        msg = f"A step must pickle; {function!r} does not: {error}"
        raise StepError(msg) from error
