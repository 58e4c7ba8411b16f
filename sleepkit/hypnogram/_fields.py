"""Checks of the fields of a hypnogram, and of the times that its methods take."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError


def check_onset(onset: Any) -> float:
    """Require a finite number of seconds."""
    if isinstance(onset, Real) and isfinite(onset):
        return float(onset)
    msg = f"onset must be a finite number of seconds; got {onset!r}."
    raise HypnogramError(msg)


def check_kind(name: str, value: Any, kind: type) -> None:
    """Require an optional field to be of a type."""
    if value is not None and not isinstance(value, kind):
        msg = f"{name} must be a {kind.__name__} or None; got {value!r}."
        raise HypnogramError(msg)


def copy_probabilities(values: Any, shape: tuple[int, int]) -> FloatArray:
    """Require a row of probabilities for each epoch, and copy them."""
    probabilities: FloatArray = np.array(values)
    if probabilities.shape != shape:
        msg = (
            f"probabilities must have the shape (n_epochs, n_stages) = {shape}; "
            f"got {probabilities.shape}."
        )
        raise HypnogramError(msg)
    return probabilities


def check_grid(method: str, other: Any) -> None:
    """Require an object with an epoch grid."""
    needed = ("n_epochs", "epoch_duration", "start")
    if not all(hasattr(other, name) for name in needed):
        msg = (
            f"Hypnogram.{method} needs a Hypnogram or a Recording; got "
            f"{type(other).__name__}."
        )
        raise TypeError(msg)


def is_equal(mine: Any, theirs: Any) -> bool:
    """Compare two values of a field, of which either may be None."""
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        return np.array_equal(mine, theirs, equal_nan=True)
    return bool(mine is theirs or (type(mine) is type(theirs) and mine == theirs))


def seconds_after(
    start: datetime | None, name: str, time: float | datetime | None
) -> float | None:
    """Return a time in seconds from the start of the file."""
    if not isinstance(time, datetime):
        return time
    if start is None:
        msg = (
            f"{name} can be a datetime only where the start of the file is known; "
            f"pass seconds from the start of the file. Got {time}."
        )
        raise HypnogramError(msg)
    if (time.tzinfo is None) != (start.tzinfo is None):
        msg = (
            f"{name} and the start of the file must both have a time zone or "
            f"neither; got {time} and {start}."
        )
        raise HypnogramError(msg)
    return (time - start).total_seconds()
