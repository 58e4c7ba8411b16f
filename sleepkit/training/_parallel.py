"""Inference on several batches at once, each on its share of torch's threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from itertools import chain, islice
from threading import Lock
from typing import Protocol, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
_MAX_WORKERS = 8  # more would wait for each other, since Python runs one at a time
_POOL_LOCK = Lock()  # set_num_threads is process-wide: only one pool at a time


class Map(Protocol):
    """A function that maps items in their order, as `map` does."""

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[Result]:
        """Map items in their order."""


@contextmanager
def inference_workers(device: torch.device) -> Iterator[Map]:
    """Give a `map` that runs torch without gradients, on a CPU on several threads.

    A short operation gains little from being divided among threads, and whole batches
    side by side gain all. Items are drawn by the calling thread, few ahead of time.
    Where another thread has such a pool already, and on one thread, this is `map`.
    """
    n_threads = torch.get_num_threads() if device.type == "cpu" else 1
    n_workers = min(n_threads, _MAX_WORKERS)
    if n_workers == 1 or not _POOL_LOCK.acquire(blocking=False):
        yield map
        return
    share = n_threads // n_workers
    pool = ThreadPoolExecutor(n_workers, "stage", torch.set_num_threads, (share,))
    try:
        yield _PoolMap(pool, 2 * n_workers)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(n_threads)  # a worker sets it for new threads as well
        _POOL_LOCK.release()


class _PoolMap:
    """A `map` on the threads of a pool."""

    def __init__(self, pool: ThreadPoolExecutor, n_ahead: int) -> None:
        self._pool = pool
        self._n_ahead = n_ahead

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[Result]:
        """Map items in their order; a single one here, on all threads of torch."""
        rest = iter(items)
        first = list(islice(rest, 2))
        if len(first) < 2:
            yield from map(function, first)
            return

        @torch.inference_mode()  # each thread has a mode of its own
        def run(item: Item) -> Result:
            return function(item)

        waiting: deque[Future[Result]] = deque()
        for item in chain(first, rest):
            # in a copy of the context, so that settings such as fast_cpu hold
            waiting.append(self._pool.submit(copy_context().run, run, item))
            if len(waiting) == self._n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
