"""Source for `assemble`: MNE `Raw` objects, and files that MNE reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._channels import ChannelInfo, Derivation
from sleepkit.io._epoch_grid import to_hypnogram
from sleepkit.io._labels import Scheme
from sleepkit.io._recognise import Heading, Meaning, recognise
from sleepkit.io._scoring import Label, Scoring
from sleepkit.io._units import ELECTRODE_MODALITIES, warn_unlikely_scale
from sleepkit.utils import FileState, file_state

_VOLT_TYPES: Final = ("bio", "dbs", "ecg", "ecog", "eeg", "emg", "eog", "resp", "seeg")
MNE_TYPES: Final = (*ELECTRODE_MODALITIES, "resp")  # that are modalities, in volts
_PARTS: TypeAlias = tuple[tuple[int, float], ...]  # picks and their factors, summed


@dataclass(frozen=True)
class MneArray:
    """Lazy array of one modality of a file that MNE reads."""

    path: str
    states: tuple[tuple[str, FileState], ...]
    rows: tuple[_PARTS, ...]
    skip: int
    n_times: int
    checked: tuple[str, ...] = ()

    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of samples."""
        return len(self.rows), self.n_times - self.skip

    @property
    def fingerprint(self) -> str:
        """Paths and states of the files, and the part that is read."""
        return repr((self.path, self.states, self.rows, self.skip))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the samples."""
        raw = open_raw(Path(self.path))
        self._check_unchanged(raw)
        data = _read_rows(raw, self.rows, self.skip)
        self._check_unchanged(raw)
        if self.checked:
            warn_unlikely_scale(data, self.checked, self.path)
        return data if dtype is None else data.astype(dtype, copy=False)

    def _check_unchanged(self, raw: Any) -> None:
        """Raise an error if a file is not what it was when it was opened."""
        if _states(raw) != self.states:
            msg = f"{self.path} has changed since it was opened; open it again."
            raise RecordingError(msg)


class MneSource:
    """MNE `Raw` object, in memory or (with a path) read lazily."""

    def __init__(self, raw: Any, path: Path | None = None) -> None:
        self.name = str(path or "the Raw object")
        self._raw = raw
        self._path = path
        self.channels = _describe(raw)

    @property
    def start(self) -> datetime | None:
        """Time of the first sample."""
        start: datetime | None = self._raw.info["meas_date"]
        if start is None:
            return None
        return start.replace(tzinfo=None) + timedelta(seconds=self._raw.first_time)

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end."""
        return float(self._raw.n_times / self._raw.info["sfreq"])

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Empty: MNE does not report gaps."""
        return []

    def array(
        self,
        derivations: Sequence[Derivation],
        scales: Mapping[int, float],
        *,
        skip: int,
        check_scale: bool,
    ) -> MneArray | FloatArray:
        """Channels of one sampling rate, without the first `skip` samples."""
        rows = tuple(_parts(derivation, scales) for derivation in derivations)
        names = tuple(item.name for item in derivations) if check_scale else ()
        if self._path is not None:
            path, n_times = str(self._path.resolve()), self._raw.n_times
            return MneArray(path, _states(self._raw), rows, skip, n_times, names)
        data = _read_rows(self._raw, rows, skip)
        warn_unlikely_scale(data[: len(names)], names, self.name)
        return data

    def read_annotations(self, scheme: Scheme) -> Hypnogram:
        """Hypnogram from the annotations of the file."""
        annotations = self._raw.annotations
        labels = [
            Label(float(onset), float(duration), str(text), f"annotation {index}")
            for index, (onset, duration, text) in enumerate(
                zip(
                    annotations.onset - self._raw.first_time,
                    annotations.duration,
                    annotations.description,
                    strict=True,
                ),
                1,
            )
        ]
        scoring = Scoring(labels, has_events=True, start=self.start)
        return to_hypnogram(scoring, scheme, 30.0, self.name)


def open_raw(path: Path) -> Any:
    """Open a file of any format that MNE reads, without its samples."""
    import mne

    try:
        return mne.io.read_raw(path, preload=False, verbose="warning")
    except Exception as error:  # each format raises errors of its own
        reason = str(error) or type(error).__name__
        msg = f"{path} is no EDF or BDF file, and MNE cannot read it: {reason}"
        raise RecordingError(msg) from error


def _describe(raw: Any) -> tuple[ChannelInfo, ...]:
    """Channel information of a `Raw` object."""
    sfreq, names = float(raw.info["sfreq"]), raw.ch_names
    kinds, bads = raw.get_channel_types(), raw.info["bads"]
    units = ["V" if kind in _VOLT_TYPES else "" for kind in kinds]
    meanings = recognise(
        [
            Heading("" if name in bads else name, sfreq, unit)
            for name, unit in zip(names, units, strict=True)
        ],
        is_referenced=bool(raw.info["custom_ref_applied"]),
    )
    if not (set(kinds) == {"eeg"} and any(meaning.modality for meaning in meanings)):
        meanings = list(map(_by_type, meanings, kinds))
    return tuple(
        ChannelInfo(
            position=position,
            label=name,
            modality=None if name in bads else meaning.modality,
            sfreq=sfreq,
            n_times=raw.n_times,
            unit=units[position],
            physical_min=None,
            physical_max=None,
            minus=meaning.minus,
            candidate=meaning.candidate,
            note="marked as bad" if name in bads else meaning.note,
        )
        for position, (name, meaning) in enumerate(zip(names, meanings, strict=True))
    )


def _by_type(meaning: Meaning, kind: str) -> Meaning:
    """Take the type of MNE for a channel whose label says nothing certain."""
    is_open = meaning.modality is None and (meaning.candidate or not meaning.note)
    return Meaning(kind) if is_open and kind in MNE_TYPES else meaning


def _parts(derivation: Derivation, scales: Mapping[int, float]) -> _PARTS:
    """Return the picks of a channel or a difference, with factors to microvolts."""
    signs = (1, -1)
    return tuple(
        (channel.position, sign * scales[channel.position])
        for channel, sign in zip(derivation.channels, signs, strict=False)
    )


def _read_rows(raw: Any, rows: Sequence[_PARTS], skip: int) -> FloatArray:
    """Read channels and differences."""
    data = np.zeros((len(rows), raw.n_times - skip), np.float32)
    for row, parts in zip(data, rows, strict=True):
        for pick, factor in parts:
            row += raw.get_data([pick], start=skip)[0] * factor
    return data


def _states(raw: Any) -> tuple[tuple[str, FileState], ...]:
    """Names and states of the files of `raw`."""
    files = [Path(file).resolve() for file in raw.filenames if file is not None]
    return tuple((str(file), file_state(file)) for file in files)
