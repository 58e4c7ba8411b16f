"""Steps: named functions of one recording, noted now and run later."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import joblib

from sleepkit.exceptions import StepError
from sleepkit.recording._signal import Layout, Signal
from sleepkit.utils import hash_code


class Step:
    """A function of a recording, with a name and a fingerprint of its own.

    A pending step has one face, which `Store` has too: ``fingerprint``, ``layout``,
    ``is_in_memory_or_stored`` and ``run``.

    Parameters
    ----------
    function : callable
        Takes a `Recording` and returns one of the same epochs. A module-level function,
        a ``functools.partial`` of one, or an instance of a module-level class that
        defines ``__call__``; it must pickle. A step that changes the layout of a
        recording has a method ``layout``, from the `Layout` before it to the one after
        it. A step that only leaves out modalities has a true ``selects_only``.
    """

    __slots__ = ("fingerprint", "function")

    def __init__(self, function: Callable[[Any], Any]) -> None:
        _check_named(function)
        self.function = function
        self.fingerprint = _fingerprint(function)

    def layout(self, before: Layout) -> Layout:
        """Return the modalities, and numbers of features, after the step."""
        change = getattr(self.function, "layout", None)
        return before if change is None else dict(change(before))

    def is_in_memory_or_stored(self, *, before: bool) -> bool:
        """Whether the step's result needs no computing, if this holds before it."""
        return before and getattr(self.function, "selects_only", False)

    def run(self, before: Any) -> Mapping[str, Signal]:
        """Run the function on a `Recording`, and return the signals that come out."""
        recording = before.compute()
        result = self.function(recording)
        if not isinstance(result, type(recording)):
            msg = f"Step {self} must return a Recording; got {type(result).__name__}."
            raise StepError(msg)
        expected = (recording.id, recording.subject, recording.n_epochs)
        found = (result.id, result.subject, result.n_epochs)
        if expected != found:
            msg = (
                f"Step {self} must keep id, subject and number of epochs; "
                f"it turned {expected} into {found}."
            )
            raise StepError(msg)
        signals: Mapping[str, Signal] = result.signals
        self._check_layout(signals, recording.layout)
        return signals

    def _check_layout(self, signals: Mapping[str, Signal], before: Layout) -> None:
        """Refuse signals that differ from the announced layout."""
        found = {name: signal.n_features for name, signal in signals.items()}
        announced = self.layout(before)
        if set(found) != set(announced) or any(
            n_features not in (None, found[name])
            for name, n_features in announced.items()
        ):
            msg = (
                f"Step {self} returned the modalities (and numbers of features) "
                f"{found}, but announced {announced}; its method 'layout' must return "
                "what comes out."
            )
            raise StepError(msg)

    def __str__(self) -> str:
        """Name the step, as manifests and errors do."""
        named = _unwrapped(self.function)
        return named.__qualname__ if inspect.isroutine(named) else repr(named)


def _unwrapped(function: Any) -> Any:
    """Strip ``functools.partial`` from a function."""
    while isinstance(function, partial):
        function = function.func
    return function


def _definition(function: Any) -> Any:
    """Return the function or class that holds the code."""
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
    """Digest of a step's name, code and parameters."""
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
