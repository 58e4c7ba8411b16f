"""Nights of a published cohort, which its loader finds: reading and report."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from joblib import Parallel, delayed

from sleepkit import io
from sleepkit._messages import first_reasons, one_line
from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, IntArray
from sleepkit.datasets._cohort_channels import CohortChannels
from sleepkit.datasets._folder import FolderEntry
from sleepkit.datasets._night import name_channels
from sleepkit.exceptions import (
    HypnogramError,
    RecordingError,
    SleepkitError,
    SleepkitWarning,
)
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import progress_bar

# Python's filters of warnings belong to the process, not to a thread.
_WARNINGS: Final = Lock()

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class CohortNight(NamedTuple):
    """One recording of a cohort, found by file names alone.

    Parameters
    ----------
    id : str
        Identifier of the night: that of the subject, and which night it is.
    subject : str
        Identifier of the subject, prefixed by the cohort (``"shhs:200001"``).
    signals : Path
        File of the signals.
    labels : tuple of Path
        Files of the stages.
    read : callable
        ``read(night)`` reads headers and stages; named and picklable, since other
        processes call it. It is not called where there is a problem.
    info : mapping of str to object
        `Recording.info` of the night.
    problem : str
        Why the night cannot be used, as far as the names of files tell it.
    """

    id: str
    subject: str
    signals: Path
    labels: tuple[Path, ...]
    read: Callable[[CohortNight], Recording]
    info: Mapping[str, Any]
    problem: str = ""


def find_files(root: Path) -> list[Path]:
    """List the files below a folder, sorted by path."""
    if not root.is_dir():
        msg = f"There is no folder {root}."
        raise RecordingError(msg)
    return sorted(
        Path(folder, name) for folder, _, names in os.walk(root) for name in names
    )


def load_cohort(
    nights: Iterable[CohortNight],
    root: Path,
    *,
    owner: str,
    strict: bool,
    n_jobs: int | None,
    verbose: bool,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read headers and stages of all nights, and set aside what cannot be used.

    One warning sums up what is set aside and what reading warned of; the report has a
    line for each night. With `strict`, a night to set aside is an error.
    """
    found = mark_repeated(nights)
    results = list(in_parallel(partial(read_night, root=root), found, n_jobs, verbose))
    report = [entry for entry, _ in results]
    loaded = [night for _, night in results if night is not None]
    aside = [f"{entry.file}: {entry.reason}" for entry in report if not entry.used]
    if not loaded or (strict and aside):
        raise RecordingError(explain_failure(owner, root, aside, len(report)))
    remarks = [f"{entry.file}: {entry.remarks}" for entry in report if entry.remarks]
    if aside or remarks:
        msg = (
            f"{owner} sets aside {len(aside)} of {len(report)} recordings, and reads "
            f"{len(remarks)} with remarks; the report lists all. "
            f"{first_reasons([*aside, *remarks])}"
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=3)
    X = EpochArray(loaded)
    return X, X.hypnogram.astype(np.int64), X.subject, report


def mark_repeated(nights: Iterable[CohortNight]) -> list[CohortNight]:
    """Mark each night but the first of one id, since copies would leak."""
    first: dict[str, CohortNight] = {}
    marked = []
    for night in nights:
        known = night if night.problem else first.setdefault(night.id, night)
        if known is not night:
            problem = f"it is the same night as {known.signals}"
            night = night._replace(problem=problem)
        marked.append(night)
    return marked


def read_night(night: CohortNight, root: Path) -> tuple[FolderEntry, Recording | None]:
    """Read a night, or give the reason why it cannot be used."""
    labels = ", ".join(_relative(path, root) for path in night.labels)
    recording, reason, channels = None, night.problem, ""
    with _WARNINGS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if not reason:
                recording = _require_stages(night.read(night), night)
                channels = name_channels(recording)
        except (SleepkitError, OSError) as error:
            reason = one_line(error)
    texts = dict.fromkeys(one_line(warning.message) for warning in caught)
    entry = FolderEntry(
        _relative(night.signals, root),
        recording is not None,
        night.subject,
        labels,
        channels,
        reason,
        remarks=" ".join(texts),
    )
    return entry, recording


def read_edf_night(
    night: CohortNight, channels: CohortChannels, hypnogram: Any, **options: Any
) -> Recording:
    """Read a night whose signals are a file for `read_recording`."""
    header = io.describe_channels(night.signals)
    rates = {channel.label: channel.sfreq for channel in header}
    recording = io.read_recording(
        night.signals,
        channels=channels.choose(rates, str(night.signals)),
        hypnogram=hypnogram,
        id=night.id,
        subject=night.subject,
        on_gap="fill",
        **options,
    )
    return recording.replace(info=night.info)


def in_parallel(
    function: Callable[[_Item], _Result],
    items: Sequence[_Item],
    n_jobs: int | None,
    verbose: bool,
) -> Iterator[_Result]:
    """Apply a function to nights by processes, with a progress bar if verbose."""
    # Not every backend can hand over results one by one, as a bar needs them.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator" if verbose else "list")
    results = parallel(delayed(function)(item) for item in items)
    return iter(progress_bar(results, "nights", total=len(items), verbose=verbose))


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _require_stages(recording: Recording, night: CohortNight) -> Recording:
    """Refuse a night without a scored epoch."""
    if recording.hypnogram is None or (recording.hypnogram == UNSCORED).all():
        msg = f"{', '.join(map(str, night.labels))} scores no epoch."
        raise HypnogramError(msg)
    return recording


def explain_failure(owner: str, root: Path, aside: Sequence[str], n_found: int) -> str:
    """Say why no night, or with `strict` not every one, can be used."""
    if not n_found:
        return f"{owner} finds no recording in {root} by the names that it lists."
    return (
        f"{owner} cannot use {len(aside)} of the {n_found} recordings in {root} "
        f"({first_reasons(aside)})."
    )
