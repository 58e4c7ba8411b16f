"""Nights of a cohort in files that another library reads, channel by channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sleepkit._typing import Array
from sleepkit.datasets._cohort import CohortNight
from sleepkit.datasets._cohort_channels import CohortChannels
from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._assemble import assemble
from sleepkit.io._channels import ChannelInfo, Derivation
from sleepkit.io._units import warn_unlikely_scale
from sleepkit.recording import Recording
from sleepkit.utils import FileState, file_state

# Samples of channels of a file, by their keys in it; a function, so that it pickles.
ReadChannels: TypeAlias = Callable[[str, Sequence[str]], Mapping[str, Array]]
_Parts: TypeAlias = tuple[tuple[str, float], ...]  # keys and their factors, summed


@dataclass(frozen=True)
class ChannelArray:
    """Lazy array of one modality: each row is a channel, or one minus another."""

    path: str
    state: FileState
    read: ReadChannels
    rows: tuple[_Parts, ...]
    skip: int
    n_times: int
    checked: tuple[str, ...]

    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of samples."""
        return len(self.rows), self.n_times - self.skip

    @property
    def fingerprint(self) -> str:
        """Path and state of the file, and the part that is read."""
        return repr((self.path, self.state, self.rows, self.skip, self.n_times))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the channels of the rows, and no others."""
        if file_state(Path(self.path)) != self.state:
            msg = f"{self.path} has changed since it was opened; open it again."
            raise RecordingError(msg)
        keys = sorted({key for row in self.rows for key, _ in row})
        values = self.read(self.path, keys)
        data = np.zeros(self.shape, np.float32)
        for row, parts in zip(data, self.rows, strict=True):
            for key, factor in parts:
                row += values[key][self.skip : self.n_times] * np.float32(factor)
        warn_unlikely_scale(data[: len(self.checked)], self.checked, self.path)
        return data if dtype is None else data.astype(dtype, copy=False)


@dataclass(frozen=True)
class ChannelSource:
    """Source for `assemble`: a file of which the header has been read."""

    path: Path
    keys: tuple[str, ...]  # of the channels, in their order
    channels: tuple[ChannelInfo, ...]
    read: ReadChannels
    start: datetime | None = None

    @classmethod
    def from_header(
        cls,
        path: Path,
        header: Mapping[str, tuple[str, float, int, str]],
        read: ReadChannels,
    ) -> ChannelSource:
        """Describe a file by the label, rate, length and unit of each key."""
        for label, sfreq, *_ in header.values():
            if not sfreq > 0:
                msg = f"The rate of {label} in {path} must be above 0; it is {sfreq}."
                raise RecordingError(msg)
        channels = tuple(
            ChannelInfo(position, label, None, sfreq, n_times, unit, None, None)
            for position, (label, sfreq, n_times, unit) in enumerate(header.values())
        )
        return cls(path, tuple(header), channels, read)

    @property
    def name(self) -> str:
        """Path of the file."""
        return str(self.path)

    @property
    def duration(self) -> float:
        """Seconds to the end of the longest channel."""
        return max((c.n_times / c.sfreq for c in self.channels), default=0.0)

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Empty: the files have none."""
        return []

    def array(
        self,
        derivations: Sequence[Derivation],
        scales: Mapping[int, float],
        *,
        skip: int,
        check_scale: bool,
    ) -> ChannelArray:
        """Channels of one sampling rate, without the first `skip` samples."""
        rows = tuple(
            tuple(
                (self.keys[channel.position], sign * scales[channel.position])
                for channel, sign in zip(derivation.channels, (1, -1), strict=False)
            )
            for derivation in derivations
        )
        used = [channel for item in derivations for channel in item.channels]
        return ChannelArray(
            str(self.path.resolve()),
            file_state(self.path),
            self.read,
            rows,
            skip,
            min(channel.n_times for channel in used),
            tuple(item.name for item in derivations) if check_scale else (),
        )

    def read_annotations(self, scheme: Any) -> Hypnogram:
        """Raise an error: the stages of the cohorts are read by their loaders."""
        msg = f"{self.path} holds no annotations."
        raise RecordingError(msg)


def read_source_night(
    night: CohortNight,
    channels: CohortChannels,
    source: ChannelSource,
    hypnogram: Hypnogram,
) -> Recording:
    """Read a night whose header is known."""
    rates = {channel.label: channel.sfreq for channel in source.channels}
    recording = assemble(
        source,
        id=night.id,
        subject=night.subject,
        hypnogram=hypnogram,
        scheme=None,
        channels={
            modality: list(items)
            for modality, items in channels.choose(rates, source.name).items()
        },
        units=None,
    )
    return recording.replace(info=night.info)
