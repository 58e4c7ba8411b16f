"""Recordings, and `EpochArray`: the X whose rows are epochs."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.recording._concatenate import (
        as_epoch_array,
        concatenate,
        is_epoch_like,
    )
    from sleepkit.recording._epoch_array import EpochArray
    from sleepkit.recording._lazy import LazyArray, MappedArray
    from sleepkit.recording._recording import Recording
    from sleepkit.recording._signal import Signal
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "EpochArray",
    "LazyArray",
    "MappedArray",
    "Recording",
    "Signal",
    "as_epoch_array",
    "concatenate",
    "is_epoch_like",
]
