"""Annotations of an EDF+ or BDF+ file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from sleepkit.exceptions import RecordingError
from sleepkit.io._edf_header import EdfHeader, read_edf_header
from sleepkit.io._limits import MAX_LABELS
from sleepkit.io._unchanged import unchanged

# Onset, duration if there is one, and texts; NUL ends a list of annotations.
_LIST: Final = re.compile(
    rb"([+-]\d+(?:[.,]\d*)?)(?:\x15(\d+(?:[.,]\d*)?))?\x14([^\0]*?)\x14?(?:\0|$)"
)


class EdfAnnotation(NamedTuple):
    """Text with its onset in seconds from the first sample."""

    onset: float
    duration: float | None
    text: str


def read_annotations(path: Path) -> tuple[datetime | None, list[EdfAnnotation]]:
    """Start of a file, and its annotations in order of their onsets.

    Texts are UTF-8; bytes that are not are replaced.
    """
    header = read_edf_header(path)
    first = first_stamp(header)
    found = list(islice(_annotations(header, first), MAX_LABELS + 1))
    if len(found) > MAX_LABELS:
        msg = f"{path} holds more than {MAX_LABELS:,} annotations."
        raise RecordingError(msg)
    return start_time(header), sorted(found, key=lambda annotation: annotation.onset)


def _annotations(header: EdfHeader, first: float) -> Iterator[EdfAnnotation]:
    """Annotations in the order of the file; `first` is the stamp of its start."""
    numbers = [i for i, signal in enumerate(header.signals) if signal.is_annotation]
    for number in numbers:
        for record in _read(header, number):
            for i, (onset, duration, texts) in enumerate(_lists(record)):
                for j, text in enumerate(texts.split(b"\x14")):
                    # the first list of a record is its time stamp
                    if number == numbers[0] and i == j == 0 and not text:
                        continue
                    yield EdfAnnotation(
                        _seconds(onset) - first,
                        _seconds(duration) if duration else None,
                        text.decode("utf-8", errors="replace"),
                    )


def start_time(header: EdfHeader) -> datetime | None:
    """Time of the first sample; in EDF+, the first record holds its fraction."""
    if header.start is None:
        return None
    try:
        return header.start + timedelta(seconds=first_stamp(header))
    except OverflowError:  # the stamp is damaged
        return None


def first_stamp(header: EdfHeader) -> float:
    """Time stamp of the first record in seconds; 0 if there is none."""
    for number, signal in enumerate(header.signals):
        if signal.is_annotation:
            place = header.byte_range(number)
            with unchanged(str(header.path), header.state) as file:
                file.seek(header.n_bytes + place.start)
                onset = parse_stamp(file.read(place.stop - place.start))
            return 0.0 if onset is None else onset
    return 0.0


def parse_stamp(record: bytes) -> float | None:
    """Time stamp of a record, None if it has none."""
    matched = _LIST.match(record)
    stamp = math.inf if matched is None else _seconds(matched[1])
    return stamp if math.isfinite(stamp) else None


def _lists(record: bytes) -> Iterator[tuple[bytes, ...]]:
    """Onset, duration and texts of each list of annotations."""
    return (found.groups(b"") for found in _LIST.finditer(record))


def _read(header: EdfHeader, number: int) -> Iterator[bytes]:
    """Bytes of one signal in each data record."""
    place = header.byte_range(number)
    if place.stop == place.start:
        return
    with unchanged(str(header.path), header.state) as file:
        for start in range(
            header.n_bytes + place.start,
            header.state.size - header.record_bytes + place.start + 1,
            header.record_bytes,
        ):
            file.seek(start)
            yield file.read(place.stop - place.start)


def _seconds(text: bytes) -> float:
    """Parse seconds with a decimal point or comma."""
    return float(text.replace(b",", b"."))
