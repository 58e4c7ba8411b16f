"""Data records of an EDF or BDF file: their place in the file and in time."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import (
    DiscontinuousRecordingError,
    RecordingError,
    SleepkitWarning,
)
from sleepkit.io._edf_header import EdfHeader

_ONSET: Final = re.compile(rb"[+-]\d+(?:\.\d*)?")
_N_LISTED: Final = 10
_CLOCK_TOLERANCE: Final = 0.01  # seconds; error of the time stamp of a record


class Segment(NamedTuple):
    """Contiguous data records."""

    first_record: int
    n_records: int
    onset: float  # seconds from the start of the recording


@dataclass(frozen=True)
class EdfRecords:
    """Data records of a file, memory-mapped when they are read."""

    path: str
    size: int
    mtime_ns: int
    header_bytes: int
    sample_bytes: int
    record_bytes: int
    record_duration: float
    segments: tuple[Segment, ...]

    @property
    def n_records(self) -> int:
        """Number of data records."""
        return sum(segment.n_records for segment in self.segments)

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Start and end of each gap, in seconds from the start of the recording."""
        ends = [s.onset + s.n_records * self.record_duration for s in self.segments]
        starts = [segment.onset for segment in self.segments]
        return list(zip(ends[:-1], starts[1:], strict=True))

    @property
    def duration(self) -> float:
        """Seconds from the start of the recording to its end, gaps included."""
        last = self.segments[-1]
        return last.onset + last.n_records * self.record_duration

    def map(self) -> Any:
        """Map the bytes of the data records, shape (n_records, record_bytes)."""
        shape = (self.n_records, self.record_bytes)
        return np.memmap(self.path, np.uint8, "r", self.header_bytes, shape)


def find_records(header: EdfHeader, *, on_gap: str) -> EdfRecords:
    """Locate the complete data records of a file, and the gaps between them."""
    stat = header.path.stat()
    n_records = _count_records(header, stat.st_size)
    records = EdfRecords(
        path=str(header.path.resolve()),
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        header_bytes=header.n_bytes,
        sample_bytes=header.sample_bytes,
        record_bytes=header.record_bytes,
        record_duration=header.edf.data_record_duration,
        segments=(Segment(0, n_records, 0.0),),
    )
    segments = _find_segments(header, records)
    if len(segments) == 1:
        return records
    records = EdfRecords(**{**vars(records), "segments": segments})
    _check_gaps(records, on_gap)
    return records


def _count_records(header: EdfHeader, size: int) -> int:
    """Count the complete records of the file; its header may be wrong or say -1."""
    n_records, rest = divmod(size - header.n_bytes, header.record_bytes)
    if n_records < 1:
        msg = f"{header.path} ends before its first data record is complete."
        raise RecordingError(msg)
    if rest:
        msg = f"The last data record of {header.path} is incomplete and is left out."
        warnings.warn(msg, SleepkitWarning, stacklevel=6)
    if header.n_records not in (-1, n_records):
        msg = (
            f"The header of {header.path} declares {header.n_records} data records, "
            f"but the file has {n_records} complete ones; these are read."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=6)
    return n_records


def _find_segments(header: EdfHeader, records: EdfRecords) -> tuple[Segment, ...]:
    """Split the records at gaps, by their EDF+ time stamps.

    The stamps are spread over the file, so all of them are read only if the first and
    the last one show that there is a gap.
    """
    n_records = records.n_records
    if not any(header.is_annotation) or n_records == 1:
        return records.segments
    last = np.array([0, n_records - 1])
    first_stamp, last_stamp = _read_stamps(header, records, last)
    expected = (n_records - 1) * records.record_duration
    if abs(last_stamp - first_stamp - expected) <= _CLOCK_TOLERANCE:
        return records.segments
    stamps = _read_stamps(header, records, np.arange(n_records))
    surplus = np.diff(stamps) - records.record_duration
    firsts = [0, *(np.flatnonzero(np.abs(surplus) > _CLOCK_TOLERANCE) + 1)]
    ends = [*firsts[1:], n_records]
    return tuple(
        Segment(int(first), int(end - first), float(stamps[first] - stamps[0]))
        for first, end in zip(firsts, ends, strict=True)
    )


def _read_stamps(
    header: EdfHeader, records: EdfRecords, numbers: IntArray
) -> FloatArray:
    """Time stamps of some records, in seconds from the start time in the header."""
    first = header.is_annotation.index(True)
    offset = sum(header.counts[:first]) * header.sample_bytes
    end = offset + header.counts[first] * header.sample_bytes
    mapped = records.map()
    stamps = np.empty(len(numbers))
    for i, number in enumerate(numbers):
        match = _ONSET.match(mapped[number, offset:end].tobytes())
        if match is None:
            msg = f"Data record {number} of {header.path} has no time stamp."
            raise RecordingError(msg)
        stamps[i] = float(match.group())
    return stamps


def _check_gaps(records: EdfRecords, on_gap: str) -> None:
    """Raise an error for overlapping records, and for gaps unless they are filled."""
    gaps = [f"{start:g} to {end:g}" for start, end in records.gaps]
    listed = ", ".join(gaps[:_N_LISTED]) + (", ..." if len(gaps) > _N_LISTED else "")
    if any(start > end for start, end in records.gaps):
        msg = f"Data records of {records.path} overlap in time: {listed} s."
        raise DiscontinuousRecordingError(msg)
    if on_gap == "error":
        msg = (
            f"{records.path} has gaps at {listed} s from its start. "
            "Read it with on_gap='fill' to keep the true time, with NaN in the gaps."
        )
        raise DiscontinuousRecordingError(msg)
