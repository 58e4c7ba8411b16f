"""Atomic file writing."""

from __future__ import annotations

import uuid
from os import PathLike
from pathlib import Path


def write_atomically(path: str | PathLike[str], content: bytes) -> None:
    """Write a file under a temporary name, then rename it.

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
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
