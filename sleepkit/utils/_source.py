"""The source code of functions and classes, by which results are known again."""

from __future__ import annotations

import inspect
import threading
from functools import cache
from typing import Any

# Python 3.11's parser, which finds the code of a class, fails in two threads at once.
_LOCK = threading.Lock()


@cache
def read_source(definition: Any) -> str | None:
    """Read the source code of a function or class, in any thread.

    Parameters
    ----------
    definition : function or class
        What is defined in a file.

    Returns
    -------
    str or None
        Its source code; None where there is none to be read.

    Examples
    --------
    >>> from sleepkit.utils import check_count, read_source
    >>> read_source(check_count).partition("(")[0]
    'def check_count'
    >>> read_source(len) is None
    True
    """
    with _LOCK:
        try:
            return inspect.getsource(definition)
        except (OSError, TypeError):
            return None
