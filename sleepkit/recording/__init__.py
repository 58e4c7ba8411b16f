"""Signals, recordings, and `EpochArray`: the X whose rows are epochs."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.recording._conversion import (
        as_epoch_array,
        concatenate,
        is_epoch_like,
    )
    from sleepkit.recording._epoch_array import EpochArray
    from sleepkit.recording._fill_store import fill_store
    from sleepkit.recording._lazy_array import LazyArray, MappedArray
    from sleepkit.recording._modalities import assign_channels, split_modalities
    from sleepkit.recording._open_store import is_store, open_store
    from sleepkit.recording._recording import Recording
    from sleepkit.recording._signal import Signal
    from sleepkit.recording._store import Store
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "EpochArray",
    "LazyArray",
    "MappedArray",
    "Recording",
    "Signal",
    "Store",
    "as_epoch_array",
    "assign_channels",
    "concatenate",
    "fill_store",
    "is_epoch_like",
    "is_store",
    "open_store",
    "split_modalities",
]
