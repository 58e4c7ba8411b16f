"""Files that appear whole or not at all."""

from __future__ import annotations

import uuid
from os import PathLike
from pathlib import Path


def write_atomically(path: str | PathLike[str], content: bytes) -> None:
    """Write a file under a temporary name, and rename it when it is complete.

    Parameters
    ----------
    path : path-like
        The file; what is there is replaced.
    content : bytes
        All that goes into it.

    Raises
    ------
    OSError
        If it cannot be written; then nothing has changed.

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
