"""Items that are made while the ones before are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """Make each item in a thread while the one before is used.

    A net that trains on files would else wait for the disk at each batch.

    Parameters
    ----------
    items : iterable of object
        What to make; None ends it.

    Yields
    ------
    object
        The items in their order. What making one raises is raised here.

    Examples
    --------
    >>> from sleepkit.training._read_ahead import read_ahead
    >>> list(read_ahead(range(3)))
    [0, 1, 2]
    """
    iterator = iter(items)
    reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        waiting = reader.submit(next, iterator, None)
        while (item := waiting.result()) is not None:
            waiting = reader.submit(next, iterator, None)
            yield item
    finally:  # not waiting: an iterator may be given up in any thread, even this one
        reader.shutdown(wait=False, cancel_futures=True)
