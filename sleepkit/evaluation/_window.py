"""Which epochs are scored, in words: figures mean nothing without them."""

from __future__ import annotations

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit.recording import EpochArray

ALL_SCORED = "all scored epochs"
ALL_ROWS = "all rows of X"


def name_window(X: EpochArray, window: str | None) -> str:
    """Name the window, or have it named where it cannot be told from X."""
    if window is not None:
        if isinstance(window, str) and window.strip():
            return window
        msg = f"The 'window' parameter must be words or None. Got {window!r} instead."
        raise ValueError(msg)
    if any(recording.hypnogram is None for recording in X.recordings):
        return ALL_ROWS
    wanted = [np.flatnonzero(r.hypnogram != UNSCORED) for r in X.recordings]
    found = [np.unique(epochs) for _, _, epochs in X.by_recording()]
    if all(map(np.array_equal, wanted, found)):
        return ALL_SCORED
    msg = (
        "The 'window' parameter must name what is scored, as in window='sleep and 30 "
        f"min around it', because X has {sum(map(len, found))} epochs of nights with "
        f"{sum(map(len, wanted))} scored ones."
    )
    raise ValueError(msg)
