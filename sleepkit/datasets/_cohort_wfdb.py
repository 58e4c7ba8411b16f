"""Records of WFDB, by the package of that name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sleepkit._typing import Array
from sleepkit.datasets._cohort import CohortNight
from sleepkit.datasets._cohort_channels import CohortChannels
from sleepkit.datasets._cohort_source import ChannelSource, read_source_night
from sleepkit.exceptions import HypnogramError, RecordingError
from sleepkit.io._epoch_grid import to_hypnogram
from sleepkit.io._scoring import Label, Scoring
from sleepkit.recording import Recording
from sleepkit.utils import optional_import


def import_wfdb() -> Any:
    """Import the package, or raise an error that names the extra."""
    with _without_deprecations():
        return optional_import("wfdb", extra="wfdb")


@contextmanager
def _without_deprecations() -> Iterator[None]:
    """Leave out what pandas tells wfdb: it would be a remark on every night."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def open_record(path: Path) -> ChannelSource:
    """Describe the record of a file of signals by the header beside it."""
    wfdb = import_wfdb()
    try:
        header = wfdb.rdheader(_record_of(path))
        channels = {
            name: (name, float(header.fs), int(header.sig_len), unit)
            for name, unit in zip(header.sig_name, header.units, strict=True)
        }
    except Exception as error:  # wfdb raises errors of many kinds
        msg = f"The WFDB header of {path} cannot be read: {error}"
        raise RecordingError(msg) from error
    return ChannelSource.from_header(path, channels, read_signals)


def read_signals(path: str, keys: Sequence[str]) -> dict[str, Array]:
    """Read whole channels in the units of the header, by their names."""
    wfdb = import_wfdb()
    try:
        with _without_deprecations():
            record = wfdb.rdrecord(_record_of(Path(path)), channel_names=[*keys])
        return dict(zip(record.sig_name, record.p_signal.T, strict=True))
    except Exception as error:
        msg = f"{path} is damaged: {error}"
        raise RecordingError(msg) from error


def read_notes(path: Path, sfreq: float) -> list[tuple[float, str]]:
    """Onset in seconds and text of each annotation that has a text."""
    # `wfdb.rdann` takes every note on the first sample for a definition and drops it,
    # which loses the first stage: its parts do not.
    annotation = import_wfdb().io.annotation
    try:
        pairs = annotation.load_byte_pairs(_record_of(path), path.suffix[1:], None)
        samples, *_, texts = annotation.proc_ann_bytes(pairs, None)
    except Exception as error:
        msg = f"The annotations {path} cannot be read: {error}"
        raise HypnogramError(msg) from error
    # Scoring begins on a second: a note on the second sample belongs to the first.
    notes = [
        (round(float(sample) / sfreq, 1), (text or "").rstrip("\0").strip())
        for sample, text in zip(samples, texts, strict=True)
    ]
    return [(onset, text) for onset, text in notes if text]


def read_noted_night(
    night: CohortNight,
    channels: CohortChannels,
    stage_of: Callable[[str], str | None],
    *,
    kind: str,
    duration: float | None = None,
    scheme: str | None = None,
) -> Recording:
    """Read the header of a night, and its stages, of which annotations name some.

    `kind` says in the error which annotations `stage_of` knows.
    """
    source = open_record(night.signals)
    (path,) = night.labels
    labels = [
        Label(onset, duration, stage, f"annotation at {onset:g} s")
        for onset, text in read_notes(path, source.channels[0].sfreq)
        if (stage := stage_of(text)) is not None
    ]
    if not labels:
        msg = f"{path} has {kind}."
        raise HypnogramError(msg)
    hypnogram = to_hypnogram(Scoring(labels), scheme, 30.0, str(path))
    return read_source_night(night, channels, source, hypnogram)


def _record_of(path: Path) -> str:
    """Path of a record: that of its files without the suffix."""
    return str(path.with_suffix(""))
