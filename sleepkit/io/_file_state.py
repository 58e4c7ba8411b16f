"""State of a source file, by which a change is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sleepkit.exceptions import RecordingError
from sleepkit.utils import open_regular


class FileState(NamedTuple):
    """Numbers that differ once a file is written to or replaced.

    Programs can set the modification time, but not the change time, and a file that
    replaces another has an inode of its own.
    """

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def file_state(file: Any) -> FileState:
    """Return the state of an open file, or of a path."""
    stat = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    return FileState(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@contextmanager
def unchanged(path: str, state: FileState) -> Iterator[Any]:
    """Open a file for reading, unbuffered; raise an error if it changes meanwhile.

    It is read by one descriptor: a file that replaces it is not read, and one that is
    cut short is an error, where a mapped one would end the process.
    """
    with open_regular(path, buffering=0) as file:
        before = file_state(file)
        if before != state:
            msg = f"{path} has changed since it was opened; open it again."
            raise RecordingError(msg)
        yield file
        if file_state(file) != state:
            msg = f"{path} was changed while it was read; open it again."
            raise RecordingError(msg)
