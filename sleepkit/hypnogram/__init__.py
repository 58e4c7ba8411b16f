"""The hypnogram: sleep stages on an epoch grid, and what is computed from them."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.hypnogram._hypnogram import Hypnogram
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["Hypnogram"]
