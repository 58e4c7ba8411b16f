"""EDF and BDF files: channels at their own sampling rates, read lazily."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.exceptions import ChannelError, DiscontinuousRecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._channels import ChannelInfo, Derivation
from sleepkit.io._edf_annotations import start_time
from sleepkit.io._edf_header import EdfHeader, EdfSignal, read_edf_header
from sleepkit.io._edf_records import EdfRecords, find_records
from sleepkit.io._labels import Scheme
from sleepkit.io._limits import MAX_FILLED_BYTES, MAX_FILLED_TIMES
from sleepkit.io._read_hypnogram import read_hypnogram
from sleepkit.io._recognise import Heading, recognise
from sleepkit.io._units import warn_unlikely_scale

_SMALLEST, _LARGEST = 1e-30, 1e30  # microvolts that float32 can hold, and their sums


class EdfChannel(NamedTuple):
    """Place of a channel in the data records, with gain and offset."""

    first_byte: int
    n_samples: int
    gain: float  # microvolts (or the unit of the file) per digital step
    offset: float


@dataclass(frozen=True)
class EdfArray:
    """Lazy array of one modality of an EDF file.

    Each row is a channel, or a channel minus another. The first `skip` samples are left
    out; gaps are NaN. `checked` names the rows whose scale is checked on reading.
    """

    records: EdfRecords
    rows: tuple[tuple[EdfChannel, ...], ...]
    skip: int = 0
    checked: tuple[str, ...] = ()

    dtype = np.dtype(np.float32)

    @property
    def sfreq(self) -> float:
        """Sampling rate in hertz, common to all rows."""
        return self.rows[0][0].n_samples / self.records.record_duration

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of samples, gaps included."""
        return len(self.rows), self._n_times - self.skip

    @property
    def _n_times(self) -> int:
        """Number of samples from start to end of the file, gaps included."""
        last = self.records.segments[-1]
        n_samples = self.rows[0][0].n_samples
        return round(last.onset * self.sfreq) + last.n_records * n_samples

    @property
    def fingerprint(self) -> str:
        """Path and state of the file, and the part that is read."""
        return repr((self.records, self.rows, self.skip))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the samples; gaps are NaN."""
        has_gaps = len(self.records.segments) > 1
        create = partial(np.full, fill_value=np.nan) if has_gaps else np.empty
        data = create((len(self.rows), self._n_times), dtype=np.float32)
        places = [self._place(channel) for row in self.rows for channel in row]
        for segment, n_done, parts in self.records.blocks(places):
            part = iter(parts)
            n_records = len(parts[0])
            start = round(segment.onset * self.sfreq)
            start += n_done * self.rows[0][0].n_samples
            for row, (plus, *minus) in zip(data, self.rows, strict=True):
                stop = start + n_records * plus.n_samples
                values = row[start:stop].reshape(n_records, plus.n_samples)
                self._scale(next(part), plus, values)
                for channel in minus:
                    values -= self._scale(next(part), channel, np.empty_like(values))
        data = np.ascontiguousarray(data[:, self.skip :])
        if self.checked:
            warn_unlikely_scale(data, self.checked, self.records.path)
        return data if dtype is None else data.astype(dtype, copy=False)

    def _place(self, channel: EdfChannel) -> slice:
        """Bytes of a record that hold a channel."""
        n_bytes = channel.n_samples * self.records.sample_bytes
        return slice(channel.first_byte, channel.first_byte + n_bytes)

    def _scale(self, raw: IntArray, channel: EdfChannel, out: FloatArray) -> FloatArray:
        """Scale the bytes of a channel in some records."""
        digits = self._digits(raw)
        np.multiply(digits, np.float32(channel.gain), out=out, casting="same_kind")
        out += np.float32(channel.offset)
        return out

    def _digits(self, raw: IntArray) -> IntArray:
        """Digital values of a channel, shape (n_records, n_samples)."""
        if self.records.sample_bytes == 2:
            return raw.view("<i2")
        low, middle, high = (raw[:, i::3].astype(np.int32) for i in range(3))
        signed = (high ^ 0x80) - 0x80
        return low | (middle << 8) | (signed << 16)


class EdfFile:
    """EDF or BDF file of which only the header has been read."""

    def __init__(self, path: Path, *, on_gap: str = "error") -> None:
        self.name = str(path)
        self._header = read_edf_header(path)
        self._records = find_records(self._header, on_gap=on_gap)
        self.channels = _describe(self._header, self._records)

    @property
    def start(self) -> datetime | None:
        """Time of the first sample."""
        return start_time(self._header)

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end, gaps included."""
        return self._records.duration

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Start and end of each gap in seconds."""
        return self._records.gaps

    def array(
        self,
        derivations: Sequence[Derivation],
        scales: Mapping[int, float],
        *,
        skip: int = 0,
        check_scale: bool = False,
    ) -> EdfArray:
        """Channels of one sampling rate, without the first `skip` samples."""
        rows = tuple(
            tuple(self._channel(info, scales[info.position]) for info in item.channels)
            for item in derivations
        )
        names = tuple(item.name for item in derivations) if check_scale else ()
        array = EdfArray(self._records, rows, skip, names)
        self._check_filled(array)
        return array

    def read_annotations(self, scheme: Scheme) -> Hypnogram:
        """Hypnogram from the annotations of the file."""
        return read_hypnogram(self._header.path, scheme=scheme)

    def _check_filled(self, array: EdfArray) -> None:
        """Raise an error if gaps would take far more memory than the file."""
        size = math.prod(array.shape) * array.dtype.itemsize
        limit = max(MAX_FILLED_BYTES, MAX_FILLED_TIMES * self._header.state.size)
        if self.gaps and size > limit:
            longest = max(stop - start for start, stop in self.gaps)
            msg = (
                f"{self.name} has a gap of {longest:g} s: with gaps filled, its "
                f"samples take {size:,} bytes of memory, and at most {limit:,} are "
                f"taken for a file of {self._header.state.size:,} bytes."
            )
            raise DiscontinuousRecordingError(msg)

    def _channel(self, info: ChannelInfo, scale: float) -> EdfChannel:
        """Place of a channel in the data records, with gain and offset."""
        header = self._header
        numbers = [i for i, s in enumerate(header.signals) if not s.is_annotation]
        number = numbers[info.position]
        signal = header.signals[number]
        if not signal.n_samples:
            msg = f"Channel {info.label!r} of {header.path} holds no samples."
            raise ChannelError(msg)
        span = signal.digital_max - signal.digital_min
        width = signal.physical_max - signal.physical_min
        gain = width / span if span else 0.0
        largest = max(abs(signal.physical_min), abs(signal.physical_max))
        if not (abs(gain) * scale > _SMALLEST and largest * scale < _LARGEST):
            msg = (
                f"Channel {info.label!r} of {header.path} has no scale: it maps "
                f"{signal.digital_min:g} to {signal.physical_min:g} and "
                f"{signal.digital_max:g} to {signal.physical_max:g} (nan is a damaged "
                "field). Leave it out by naming the others with channels=."
            )
            raise ChannelError(msg)
        return EdfChannel(
            first_byte=header.byte_range(number).start,
            n_samples=signal.n_samples,
            gain=gain * scale,
            offset=(signal.physical_min - gain * signal.digital_min) * scale,
        )


def _describe(header: EdfHeader, records: EdfRecords) -> tuple[ChannelInfo, ...]:
    """Header information of each channel."""
    signals = [signal for signal in header.signals if not signal.is_annotation]
    rates = [signal.n_samples / records.record_duration for signal in signals]
    meanings = recognise(
        [
            Heading(signal.label, sfreq, signal.unit, signal.is_damaged)
            for signal, sfreq in zip(signals, rates, strict=True)
        ]
    )
    return tuple(
        ChannelInfo(
            position=position,
            label=signal.label,
            modality=meaning.modality,
            sfreq=sfreq,
            n_times=signal.n_samples * records.n_records,
            unit=signal.unit,
            physical_min=np.nan if signal.is_damaged else signal.physical_min,
            physical_max=np.nan if signal.is_damaged else signal.physical_max,
            minus=meaning.minus,
            candidate=meaning.candidate,
            note=_note(signal, meaning.note),
        )
        for position, (signal, sfreq, meaning) in enumerate(
            zip(signals, rates, meanings, strict=True)
        )
    )


def _note(signal: EdfSignal, note: str) -> str:
    """Add that the header is damaged to what is said of a channel."""
    damage = "its range in the header is damaged" if signal.is_damaged else ""
    return "; ".join(part for part in (damage, note) if part)
