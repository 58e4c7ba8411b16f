"""A time axis in hours and minutes, since the start or by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480)  # minutes
_MAX_TICKS: Final = 12
_MINUTE: Final = 60.0
_DAY: Final = 24 * 60


def label_time(ax: Axes, duration: float, start: datetime | None) -> None:
    """Put ticks on whole minutes of an axis in seconds."""
    first = 0.0
    if start is not None:
        first = start.hour * 60 + start.minute + start.second / _MINUTE
    last = first + duration / _MINUTE
    step = next((s for s in _STEPS if (last - first) / s <= _MAX_TICKS), _DAY)
    ticks = np.arange(np.ceil(first / step) * step, last + 1e-6, step)
    ax.set_xlim(0, duration)
    names = [_name(int(tick), clock=start is not None) for tick in ticks]
    ax.set_xticks((ticks - first) * _MINUTE, names)


def _name(minutes: int, *, clock: bool) -> str:
    """Write minutes as hours and minutes."""
    hours, rest = divmod(minutes % _DAY if clock else minutes, 60)
    return f"{hours:02d}:{rest:02d}" if clock else f"{hours}:{rest:02d}"
