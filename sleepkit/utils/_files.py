"""Files: their state, reading of regular ones, atomic writing."""

from __future__ import annotations

import os
import stat
import uuid
from errno import EINVAL, EISDIR
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

# A pipe is opened without waiting for its writer, and then refused.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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
    now = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    return FileState(now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def open_regular(path: str | PathLike[str], *, buffering: int = -1) -> Any:
    """Open a file for reading, if it is a regular one.

    A device never ends, and a pipe waits for its writer: neither holds a night.

    Parameters
    ----------
    path : path-like
        The file.
    buffering : int, default=-1
        As of `open`; 0 is unbuffered.

    Returns
    -------
    file object
        The file, opened for reading bytes.

    Raises
    ------
    OSError
        If there is no such file, or it is a folder, a device or a pipe.

    Examples
    --------
    >>> import os
    >>> from sleepkit.utils import open_regular
    >>> try:
    ...     open_regular(os.curdir)
    ... except IsADirectoryError as error:
    ...     print(error.strerror)
    Is a directory
    """
    name = os.fspath(path)
    if "\0" in name:
        raise OSError(EINVAL, "A path cannot hold NUL", name)
    descriptor = os.open(name, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), name)
        if not stat.S_ISREG(mode):
            raise OSError(EINVAL, "Not a regular file, but a device or a pipe", name)
        return os.fdopen(descriptor, "rb", buffering)
    except BaseException:
        os.close(descriptor)
        raise


def write_atomically(path: str | PathLike[str], content: bytes) -> None:
    """Write a file under a temporary name, flush it to the disk, then rename it.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced.
    content : bytes
        Its whole content.

    Raises
    ------
    OSError
        If the file cannot be written; an existing one is then unchanged.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.utils import write_atomically
    >>> with TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "note.txt"), b"slept well")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        temporary.write_bytes(content)
        flush_to_disk(temporary)
        temporary.replace(target)
        flush_to_disk(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush_to_disk(*paths: Path) -> None:
    """Flush files, and the names in folders, so that they outlast a power failure.

    Parameters
    ----------
    *paths : pathlib.Path
        Files or folders. Systems that cannot open a folder flush files only.

    Raises
    ------
    OSError
        If a file cannot be flushed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.utils import flush_to_disk
    >>> with TemporaryDirectory() as folder:
    ...     note = Path(folder, "note.txt")
    ...     _ = note.write_text("slept well")
    ...     flush_to_disk(note, note.parent)
    """
    for path in paths:
        if path.is_dir() and os.name == "nt":
            continue
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
