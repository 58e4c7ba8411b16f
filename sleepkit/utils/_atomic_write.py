"""Atomic file writing."""

from __future__ import annotations

import os
import uuid
from os import PathLike
from pathlib import Path


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
