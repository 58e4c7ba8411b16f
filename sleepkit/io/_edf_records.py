"""Data records of an EDF or BDF file: their place in the file and in time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import (
    DiscontinuousRecordingError,
    RecordingError,
    SleepkitWarning,
)
from sleepkit.io._edf_annotations import parse_stamp
from sleepkit.io._edf_header import EdfHeader
from sleepkit.io._edf_runs import Run, find_runs, locate, read_run
from sleepkit.io._limits import HIGHEST_SFREQ, LONGEST_NIGHT
from sleepkit.io._unchanged import unchanged
from sleepkit.utils import FileState

_N_LISTED: Final = 10
_BLOCK_BYTES: Final = 1 << 20  # small enough for the caches of a processor
_CLOCK_TOLERANCE: Final = 0.01  # seconds; error of the time stamp of a record


class Segment(NamedTuple):
    """Contiguous data records."""

    first_record: int
    n_records: int
    onset: float  # seconds from the start of the recording


@dataclass(frozen=True)
class EdfRecords:
    """Data records of a file, read in blocks."""

    path: str
    state: FileState
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

    def blocks(
        self, places: Sequence[slice]
    ) -> Iterator[tuple[Segment, int, list[IntArray]]]:
        """Read some places of all records, a few records at a time.

        Each block comes with its segment and the number of records of it that are read
        already. Its arrays, one a place, of shape (n_records, n_bytes), hold until the
        next block.
        """
        runs = find_runs(places, self.record_bytes)
        cuts = [locate(place, runs) for place in places]
        n_bytes = sum(run.stop - run.start for run in runs)
        n_most = max(1, _BLOCK_BYTES // n_bytes)
        buffer = np.empty((n_most, n_bytes), np.uint8)
        with unchanged(self.path, self.state) as file:
            for segment in self.segments:
                for done in range(0, segment.n_records, n_most):
                    block = buffer[: segment.n_records - done]
                    first = segment.first_record + done
                    read = [self._read(file, first, block, run) for run in runs]
                    yield segment, done, [read[i][:, part] for i, part in cuts]

    def read_bytes(self, place: slice, numbers: IntArray) -> list[bytes]:
        """Read some bytes of some records."""
        found = []
        with unchanged(self.path, self.state) as file:
            for number in numbers.tolist():
                self._seek(file, number, place.start)
                found.append(file.read(place.stop - place.start))
        return found

    def _seek(self, file: Any, number: int, byte: int = 0) -> None:
        """Go to a byte of a record."""
        file.seek(self.header_bytes + number * self.record_bytes + byte)

    def _read(self, file: Any, first: int, block: IntArray, run: Run) -> IntArray:
        """Read one run of some records, by way of a block if it is all of a record."""
        n_bytes = run.stop - run.start
        if n_bytes == self.record_bytes:
            self._seek(file, first)
            self._fill(file, block)
            return block
        start = self.header_bytes + first * self.record_bytes + run.start
        stop = start + len(block) * self.record_bytes
        read = read_run(file, n_bytes, range(start, stop, self.record_bytes))
        if read is None:
            raise self._cut_short
        return read

    def _fill(self, file: Any, block: IntArray) -> None:
        """Read as many bytes as a block holds."""
        left = block.data.cast("B")
        while left:
            n_read = file.readinto(left)
            if not n_read:
                raise self._cut_short
            left = left[n_read:]

    @property
    def _cut_short(self) -> RecordingError:
        """Error of a file that has fewer bytes than when it was opened."""
        return RecordingError(
            f"{self.path} was cut short while it was read; open it again."
        )


def find_records(header: EdfHeader, *, on_gap: str) -> EdfRecords:
    """Locate the complete data records of a file, and the gaps between them."""
    _check_layout(header)
    n_records = _count_records(header, header.state.size)
    records = EdfRecords(
        path=str(header.path.resolve()),
        state=header.state,
        header_bytes=header.n_bytes,
        sample_bytes=header.sample_bytes,
        record_bytes=header.record_bytes,
        record_duration=header.record_duration,
        segments=(Segment(0, n_records, 0.0),),
    )
    segments = _find_segments(header, records)
    if len(segments) > 1:
        records = EdfRecords(**{**vars(records), "segments": segments})
        _check_gaps(records, on_gap)
    if records.duration > LONGEST_NIGHT:
        msg = (
            f"{header.path} lasts {records.duration:g} s by its header and time "
            f"stamps; a night lasts at most {LONGEST_NIGHT:.0f} s, 31 days."
        )
        raise RecordingError(msg)
    return records


def _check_layout(header: EdfHeader) -> None:
    """Require signals, in records that last some time."""
    if not header.has_signals:
        msg = (
            f"{header.path} holds no signals. If it is a hypnogram, use read_hypnogram."
        )
        raise RecordingError(msg)
    if not header.record_duration > 0:
        msg = (
            f"{header.path} has a damaged EDF header: a data record must last a time "
            f"> 0; got {header.record_duration:g} s."
        )
        raise RecordingError(msg)
    if not header.record_bytes:
        msg = f"{header.path} has a damaged EDF header: its records hold no samples."
        raise RecordingError(msg)
    fastest = max(header.signals, key=lambda signal: signal.n_samples)
    if fastest.n_samples > HIGHEST_SFREQ * header.record_duration:
        msg = (
            f"{header.path} has a damaged EDF header: {fastest.n_samples} samples of "
            f"{fastest.label!r} in {header.record_duration:g} s are more than "
            f"{HIGHEST_SFREQ:.0f} Hz."
        )
        raise RecordingError(msg)


def _count_records(header: EdfHeader, size: int) -> int:
    """Count the complete records of the file; its header may be wrong or say -1."""
    n_records, rest = divmod(size - header.n_bytes, header.record_bytes)
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

    The stamps are spread over the file, so all of them are read only if the header, or
    else the first and the last one, say that there may be a gap.
    """
    n_records = records.n_records
    if n_records == 1:
        return records.segments
    numbers = [i for i, signal in enumerate(header.signals) if signal.is_annotation]
    if not numbers:
        if header.may_have_gaps:
            msg = (
                f"{header.path} declares gaps (EDF+D), but no signal holds the time "
                "stamps that say where they are."
            )
            raise DiscontinuousRecordingError(msg)
        return records.segments
    stamped = header.byte_range(numbers[0])
    if not header.may_have_gaps:
        last = np.array([0, n_records - 1])
        first_stamp, last_stamp = _read_stamps(records, stamped, last)
        expected = (n_records - 1) * records.record_duration
        if abs(last_stamp - first_stamp - expected) <= _CLOCK_TOLERANCE:
            return records.segments
    stamps = _read_stamps(records, stamped, np.arange(n_records))
    surplus = np.diff(stamps) - records.record_duration
    firsts = [0, *(np.flatnonzero(np.abs(surplus) > _CLOCK_TOLERANCE) + 1)]
    ends = [*firsts[1:], n_records]
    return tuple(
        Segment(int(first), int(end - first), float(stamps[first] - stamps[0]))
        for first, end in zip(firsts, ends, strict=True)
    )


def _read_stamps(records: EdfRecords, stamped: slice, numbers: IntArray) -> FloatArray:
    """Time stamps of some records, in seconds from the start time in the header."""
    stamps = np.empty(len(numbers))
    for i, content in enumerate(records.read_bytes(stamped, numbers)):
        stamp = parse_stamp(content)
        if stamp is None:
            msg = (
                f"Data record {numbers[i]} of {records.path} has no time stamp, so a "
                "gap before it cannot be ruled out."
            )
            raise DiscontinuousRecordingError(msg)
        stamps[i] = stamp
        if abs(stamp - stamps[0]) > LONGEST_NIGHT:
            msg = (
                f"Data record {numbers[i]} of {records.path} is stamped {stamp:g} s, "
                f"the first one {stamps[0]:g} s; a night lasts at most "
                f"{LONGEST_NIGHT:.0f} s, 31 days."
            )
            raise DiscontinuousRecordingError(msg)
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
