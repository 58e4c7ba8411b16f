"""Signals that end a program, raised as interrupts so that everything is tidied up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")  # the last one is not on Windows


class Stopped(KeyboardInterrupt):
    """A signal that ends the command; its argument is the number of the signal.

    A class of its own, since a plain KeyboardInterrupt at the end of a training pass
    counts as a callback's, which ends the training as if it were complete.
    """


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Raise `Stopped` at Ctrl-C, at a scheduler's signal, and at a lost terminal.

    A signal that is ignored, as by ``nohup``, or handled already stays so.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, n) for n in _NAMES if hasattr(signal, n)):
            handler = signal.getsignal(number)
            if handler in {signal.SIG_DFL, signal.default_int_handler}:
                before[number] = signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, _: FrameType | None) -> None:
    """Handle a signal."""
    raise Stopped(number)
