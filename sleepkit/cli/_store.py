"""Scored nights for training and scores: of a folder, or of a store."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from sleepkit import persistence, preprocessing, recording
from sleepkit.cli._arguments import read_folder
from sleepkit.exceptions import RecordingError, StoreError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from sleepkit.recording import EpochArray, Recording

_STEPS: Final = "steps.model"
_READING: Final = ("scheme", "subject_pattern", "channels", "units")


class Nights(NamedTuple):
    """Scored nights, and the steps that were taken of them already.

    `files` has hashes of the recordings, where they are known; `window` says which
    epochs are left, where not all are.
    """

    X: EpochArray
    files: list[str]
    taken: Pipeline | None
    window: str | None = None


_Exclude: TypeAlias = Callable[[str, str], str | None] | None


def read_nights(
    arguments: Namespace, modalities: Sequence[str], exclude: _Exclude = None
) -> Nights:
    """Read scored nights, print them, and leave out wake far from sleep."""
    nights = _read(arguments, modalities, exclude)
    minutes = arguments.trim_wake
    if minutes is None:
        return nights
    X = nights.X
    X, _, _ = preprocessing.trim_wake(
        X, X.hypnogram, rule="margin", margin=60.0 * minutes
    )
    print(f"{len(nights.X) - len(X)} of {len(nights.X)} epochs are surplus wake")
    return nights._replace(X=X, window=f"sleep and {minutes} min of wake around it")


def _read(arguments: Namespace, modalities: Sequence[str], exclude: _Exclude) -> Nights:
    """Read a folder, or open a store of ``sleepkit prepare``, and print its nights."""
    folder = arguments.folder
    if not recording.is_store(folder):
        return Nights(*read_folder(arguments, modalities, exclude), None)
    refuse(arguments, _READING, f"{folder} is a store, whose nights are read already")
    X, _, _ = recording.open_store(folder)
    reasons = {}
    for night in X.recordings:
        reason = exclude and exclude(night.subject, night.info.get("sha256", ""))
        if reason:
            reasons[night.id] = reason
            print(f"skipped  {night.id}: {reason}")
    nights = [night for night in X.recordings if night.id not in reasons]
    if not nights:
        msg = f"No night of the store {folder} can be used."
        raise RecordingError(msg)
    _require_equal_steps(folder, nights)
    X = recording.EpochArray(nights)
    if not set(X.modalities) <= set(modalities):
        X = X.select([name for name in X.modalities if name in modalities])
    n_subjects, names = len(set(X.subject)), ", ".join(X.modalities)
    print(f"{len(nights)} nights of {n_subjects} subjects: {names}")
    files = [night.info["sha256"] for night in nights if "sha256" in night.info]
    return Nights(X, files, _read_steps(folder))


def _require_equal_steps(store: Path, nights: Sequence[Recording]) -> None:
    """Refuse a store that different steps have filled."""
    first = nights[0]
    for night in nights:
        if night.info["steps"] != first.info["steps"]:
            steps, others = (", ".join(n.info["steps"]) for n in (first, night))
            msg = (
                f"The nights of {store} differ in their steps: {first.id} by {steps}, "
                f"and {night.id} by {others}. A store to train on is filled by one "
                "command."
            )
            raise RecordingError(msg)


def refuse(arguments: Namespace, names: Sequence[str], reason: str) -> None:
    """Refuse arguments that would do nothing."""
    given = [f"--{n.replace('_', '-')}" for n in names if getattr(arguments, n)]
    if given:
        msg = f"{', '.join(given)} cannot be given: {reason}."
        raise RecordingError(msg)


def write_steps(store: Path, steps: Pipeline) -> None:
    """Keep the steps before a store, which stage new nights before a trained net."""
    persistence.save_model(steps, store / _STEPS)


def _read_steps(store: Path) -> Pipeline:
    """Read the steps before a store."""
    path = store / _STEPS
    if not path.is_file():
        msg = f"{store} has no {_STEPS}: `sleepkit prepare` has not written it."
        raise StoreError(msg)
    steps: Pipeline = persistence.load_model(path)
    return steps
