"""Recording from an opened source: channels, units and hypnogram put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, Final, Protocol

import numpy as np

from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._channels import ChannelInfo, Derivation
from sleepkit.io._epoch_grid import Grid, align_stages, find_grid
from sleepkit.io._labels import Scheme
from sleepkit.io._read_hypnogram import read_hypnogram
from sleepkit.io._select_channels import ChannelSpec, Selection, select_channels
from sleepkit.io._units import channel_scale, check_units
from sleepkit.recording import Recording, Signal
from sleepkit.utils import check_stages

_IN_ANNOTATIONS: Final = "annotations"
_ROUNDING: Final = 1e-6  # of a sample or a second


class Source(Protocol):
    """Opened recording file of which only the header has been read."""

    @property
    def name(self) -> str:
        """Name used in messages."""

    @property
    def channels(self) -> Sequence[ChannelInfo]:
        """Channels of the file."""

    @property
    def start(self) -> datetime | None:
        """Time of the first sample."""

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end, gaps included."""

    @property
    def gaps(self) -> Sequence[tuple[float, float]]:
        """Start and end of each gap in seconds."""

    def array(
        self,
        derivations: Sequence[Derivation],
        scales: Mapping[int, float],
        *,
        skip: int,
        check_scale: bool,
    ) -> Any:
        """Channels of one sampling rate, without the first `skip` samples."""

    def read_annotations(self, scheme: Scheme) -> Hypnogram:
        """Hypnogram from the annotations of the file."""


def assemble(
    source: Source,
    *,
    id: str,
    subject: str | None,
    hypnogram: Any,
    scheme: Scheme,
    channels: ChannelSpec | None,
    units: Mapping[str, str] | None,
) -> Recording:
    """Select channels, scale them to microvolts, and align the hypnogram."""
    selection = select_channels(source.channels, channels, source.name)
    scales = _scales(source, selection, units)
    scored = _as_hypnogram(hypnogram, scheme, source)
    grid = Grid() if scored is None else find_grid(scored, source.start)
    if source.duration - grid.skip < grid.epoch_duration - _ROUNDING:
        msg = (
            f"{source.name} lasts {source.duration:g} s, which is no whole epoch of "
            f"{grid.epoch_duration:g} s."
        )
        raise RecordingError(msg)
    signals = {
        modality: _signal(source, modality, derivations, scales, grid)
        for modality, derivations in selection.items()
    }
    n_epochs = min(signal.n_epochs(grid.epoch_duration) for signal in signals.values())
    stages = None
    if scored is not None:
        stages = align_stages(scored, grid.first, n_epochs, source.name)
    start = source.start
    return Recording(
        id=id,
        subject=id if subject is None else subject,
        signals=signals,
        hypnogram=stages,
        epoch_duration=grid.epoch_duration,
        start=None if start is None else start + timedelta(seconds=grid.skip),
    )


def _scales(
    source: Source, selection: Selection, units: Mapping[str, str] | None
) -> dict[int, float]:
    """Factor to microvolts of each selected channel, by its position."""
    overrides = check_units(units, [channel.label for channel in source.channels])
    return {
        channel.position: channel_scale(
            channel.label, overrides.get(channel.label, channel.unit), modality
        )
        for modality, derivations in selection.items()
        for derivation in derivations
        for channel in derivation.channels
    }


def _as_hypnogram(hypnogram: Any, scheme: Scheme, source: Source) -> Hypnogram | None:
    """Hypnogram from a file, an array or the annotations of the source."""
    if hypnogram is None:
        return None
    if isinstance(hypnogram, Hypnogram):
        check_stages("hypnogram", hypnogram, owner="read_recording", empty=True)
        return hypnogram
    if isinstance(hypnogram, str) and hypnogram == _IN_ANNOTATIONS:
        return source.read_annotations(scheme)
    if isinstance(hypnogram, str | PathLike):
        return read_hypnogram(hypnogram, scheme=scheme)
    return Hypnogram(hypnogram)


def _signal(
    source: Source,
    modality: str,
    derivations: Sequence[Derivation],
    scales: Mapping[int, float],
    grid: Grid,
) -> Signal:
    """Signal of one modality; epochs that touch a gap are not valid."""
    sfreq = derivations[0].plus.sfreq
    data = source.array(
        derivations,
        scales,
        skip=int(grid.skip * sfreq + _ROUNDING),
        check_scale=modality == "eeg",
    )
    signal = Signal(data, sfreq, [derivation.name for derivation in derivations])
    if not source.gaps:
        return signal
    begins = (
        grid.skip
        + np.arange(signal.n_epochs(grid.epoch_duration)) * grid.epoch_duration
    )
    ends = begins + grid.epoch_duration
    starts, stops = zip(*source.gaps, strict=True)  # in order of time
    n_before = np.searchsorted(stops, begins, "right")
    n_begun = np.searchsorted(starts, ends, "left")
    return signal.replace(valid=n_begun == n_before)
