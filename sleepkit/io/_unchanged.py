"""Reading of a source file that must not change meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sleepkit.exceptions import RecordingError
from sleepkit.utils import FileState, file_state, open_regular


@contextmanager
def unchanged(path: str, state: FileState) -> Iterator[Any]:
    """Open a file for reading, unbuffered; raise an error if it changes meanwhile.

    It is read by one descriptor: a file that replaces it is not read, and one that is
    cut short is an error, where a mapped one would end the process.
    """
    with open_regular(path, buffering=0) as file:
        if file_state(file) != state:
            msg = f"{path} has changed since it was opened; open it again."
            raise RecordingError(msg)
        yield file
        if file_state(file) != state:
            msg = f"{path} was changed while it was read; open it again."
            raise RecordingError(msg)
