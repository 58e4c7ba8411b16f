"""Opening files as data: regular ones only."""

from __future__ import annotations

import os
import stat
from errno import EINVAL, EISDIR
from os import PathLike
from typing import Any, Final

# A pipe is opened without waiting for its writer, and then refused.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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
