"""Linear interpolation over gaps in a signal."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import BoolArray, FloatArray


def as_floats(x: Any) -> FloatArray:
    """Return float32 as it is and everything else as float64."""
    x = np.asarray(x)
    return np.asarray(x, np.float32 if x.dtype == np.float32 else np.float64)


def bridge_gaps(x: FloatArray) -> tuple[FloatArray, BoolArray | None]:
    """Interpolate over samples that are not finite; return also their mask."""
    gaps = ~np.isfinite(x)
    if not gaps.any():
        return x, None
    bridged = np.array(x, order="C")
    n_times = x.shape[-1]
    for row, gap in zip(
        bridged.reshape(-1, n_times), gaps.reshape(-1, n_times), strict=True
    ):
        known = np.flatnonzero(~gap)
        if known.size:
            row[gap] = np.interp(np.flatnonzero(gap), known, row[known])
        else:
            row[:] = 0
    return bridged, gaps
