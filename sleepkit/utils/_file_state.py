"""State of a file, by which a change is noticed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple


class FileState(NamedTuple):
    """Numbers that differ once a file is written to or replaced.

    Programs can set the modification time, but not the change time, and a file that
    replaces another has an inode of its own.

    Parameters
    ----------
    inode : int
        Number of the file in its file system.
    size : int
        Bytes.
    modified_ns : int
        Modification time in nanoseconds.
    changed_ns : int
        Change time in nanoseconds.

    Examples
    --------
    >>> from sleepkit.utils import FileState
    >>> FileState(7, 512, 0, 0) == FileState(8, 512, 0, 0)
    False
    """

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def file_state(file: Any) -> FileState:
    """Return the state of a file.

    Parameters
    ----------
    file : pathlib.Path or file object
        A path, or an open file.

    Returns
    -------
    FileState
        Its state now.

    Raises
    ------
    OSError
        If there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.utils import file_state
    >>> with TemporaryDirectory() as folder:
    ...     note = Path(folder, "note.txt")
    ...     _ = note.write_text("slept well")
    ...     file_state(note).size
    10
    """
    stat = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    return FileState(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
