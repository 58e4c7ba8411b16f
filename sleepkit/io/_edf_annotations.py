"""Annotations of an EDF+ or BDF+ file."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from sleepkit.exceptions import RecordingError
from sleepkit.io._edf_header import EdfHeader, read_edf_header

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
    found = []
    is_timed = True  # the first list of a record is its time stamp
    for number, signal in enumerate(header.signals):
        if not signal.is_annotation:
            continue
        for record in _read(header, number):
            for i, (onset, duration, texts) in enumerate(_LIST.findall(record)):
                for j, text in enumerate(texts.split(b"\x14")):
                    if is_timed and i == j == 0 and not text:
                        continue
                    found.append(
                        EdfAnnotation(
                            _seconds(onset) - first,
                            _seconds(duration) if duration else None,
                            text.decode("utf-8", errors="replace"),
                        )
                    )
        is_timed = False
    return start_time(header), sorted(found, key=lambda annotation: annotation.onset)


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
            with header.path.open("rb") as file:
                file.seek(header.n_bytes + place.start)
                onset = parse_stamp(file.read(place.stop - place.start))
            return 0.0 if onset is None else onset
    return 0.0


def parse_stamp(record: bytes) -> float | None:
    """Time stamp of a record, None if it has none."""
    matched = _LIST.match(record)
    return None if matched is None else _seconds(matched[1])


def _read(header: EdfHeader, number: int) -> list[bytes]:
    """Bytes of one signal in each data record."""
    size = header.path.stat().st_size - header.n_bytes
    shape = (size // max(1, header.record_bytes), header.record_bytes)
    if 0 in shape:
        msg = f"{header.path} ends before its first data record is complete."
        raise RecordingError(msg)
    mapped = np.memmap(header.path, np.uint8, "r", header.n_bytes, shape)
    return [row.tobytes() for row in mapped[:, header.byte_range(number)]]


def _seconds(text: bytes) -> float:
    """Parse seconds with a decimal point or comma."""
    return float(text.replace(b",", b"."))
