"""Runs of bytes that are read of each data record, where few channels are wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._typing import IntArray

_CALL_BYTES: Final = 1 << 13  # that are read in the time that one more call takes


class Run(NamedTuple):
    """Consecutive bytes of a record."""

    start: int
    stop: int


def find_runs(places: Iterable[slice], record_bytes: int) -> list[Run]:
    """Bytes to read of each record for some places: all of them, or runs.

    One call for all bytes of many records is the best if little lies between the
    places: a call of the system takes as long as some thousand bytes.
    """
    runs: list[Run] = []
    for place in sorted(places, key=lambda place: place.start):
        if runs and place.start - runs[-1].stop <= _CALL_BYTES:
            start, stop = runs.pop()
            runs.append(Run(start, max(stop, place.stop)))
        else:
            runs.append(Run(place.start, place.stop))
    n_wanted = sum(run.stop - run.start for run in runs)
    if record_bytes <= n_wanted + len(runs) * _CALL_BYTES:
        return [Run(0, record_bytes)]
    return runs


def locate(place: slice, runs: Sequence[Run]) -> tuple[int, slice]:
    """Find the run that holds a place: its number, and the bytes of it."""
    number = max(i for i, run in enumerate(runs) if run.start <= place.start)
    start = runs[number].start
    return number, slice(place.start - start, place.stop - start)


def read_run(file: Any, n_bytes: int, starts: range) -> IntArray | None:
    """Read as many bytes from each start; None if the file has too few.

    Joined reads are faster than reads into the rows of an array.
    """
    read = partial(os.pread, file.fileno()) if hasattr(os, "pread") else _read_at(file)
    content = b"".join([read(n_bytes, start) for start in starts])
    if len(content) != n_bytes * len(starts):
        return None
    return np.frombuffer(content, np.uint8).reshape(len(starts), n_bytes)


def _read_at(file: Any) -> Any:
    """Read bytes at a place of a file, where the system has no call for that."""

    def read(n_bytes: int, start: int) -> bytes:
        file.seek(start)
        return bytes(file.read(n_bytes))

    return read
