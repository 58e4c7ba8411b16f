"""Values rounded to half precision, if it can hold them."""

from __future__ import annotations

from typing import Final

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._signal import Signal

_LIMITS: Final = np.finfo(np.float16)
_ROUNDING: Final = 2.0**-11  # largest relative error of a value that is not tiny


def as_half(name: str, signal: Signal, owner: str) -> Array:
    """Round the values of a signal to float16, in C order.

    Parameters
    ----------
    name : str
        The modality, for messages.
    signal : Signal
        The signal.
    owner : str
        Id of its recording, for messages.

    Returns
    -------
    ndarray of float16
        The values; NaN and infinite ones stay.

    Raises
    ------
    RecordingError
        If a finite value is beyond 65504, or a channel so small that it would lose more
        than the 11 bits that float16 has.
    """
    values = signal.data
    with np.errstate(over="ignore"):
        half = np.asarray(values, np.float16, order="C")
    subject = f"The {name!r} values of recording {owner!r}"
    instead = "store them with dtype='float32'."
    lost = np.isinf(half) & np.isfinite(values)
    if lost.any():
        msg = (
            f"{subject} reach {np.abs(values[lost]).max():g}, but dtype='float16' "
            f"holds at most {_LIMITS.max:g}; {instead}"
        )
        raise RecordingError(msg)
    axis = 0 if signal.is_continuous else 1
    channels = (np.moveaxis(each, axis, 0) for each in (values, half))
    for channel, exact, rounded in zip(signal.ch_names, *channels, strict=True):
        if _is_coarse(exact, rounded):
            msg = (
                f"{subject} in channel {channel!r} are too small for dtype='float16', "
                f"below {_LIMITS.smallest_normal:g}; give them in another unit, or "
                f"{instead}"
            )
            raise RecordingError(msg)
    return half


def _is_coarse(values: FloatArray, rounded: Array) -> bool:
    """Whether rounding changed a channel by more than half precision has to."""
    finite = np.isfinite(values)
    exact = values[finite]
    error, size = (
        np.einsum("i,i->", each, each, dtype=np.float64)
        for each in (exact - rounded[finite], exact)
    )
    return bool(error > _ROUNDING**2 * size)
