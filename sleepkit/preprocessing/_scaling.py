"""Centre and scale of channels and bins, measured by recording and pooled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sleepkit._typing import BoolArray, FloatArray

# The SD of a normal distribution is its interquartile range divided by this.
IQR_OF_SD = 1.3489795003921634


class Scaling(NamedTuple):
    """Centre and scale of channels or bins, as a fitted scaler holds them.

    Attributes
    ----------
    n_values : ndarray of float64, shape (n_channels, ...)
        How many values were measured, without NaN.
    center : ndarray of float64, shape (n_channels, ...)
        What is subtracted: means or medians; NaN where nothing was measured.
    scale : ndarray of float64, shape (n_channels, ...)
        What is divided by: SDs, or interquartile ranges in units of the normal SD; NaN
        where nothing was measured.

    See Also
    --------
    SignalScaler : Scales the channels of signals.
    SpectrumScaler : Scales the bins of spectra.
    """

    n_values: FloatArray
    center: FloatArray
    scale: FloatArray

    def apply(self, values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
        """Scale values in their own precision.

        Parameters
        ----------
        values : ndarray of float
            The values.
        axes : tuple of int
            Their axes along which centre and scale were measured, such as those of
            epochs and times.

        Returns
        -------
        ndarray of float
            The scaled values; a channel without any spread becomes 0.

        Raises
        ------
        ValueError
            If the other axes have not the shape of the centre.
        """
        shape = tuple(n for i, n in enumerate(values.shape) if i not in axes)
        if self.center.shape != shape:
            msg = (
                "A scaler needs the channels and bins that it was fitted on, of shape "
                f"{self.center.shape}; got {shape}."
            )
            raise ValueError(msg)
        # A constant has no spread but rounding errors: it becomes 0, not noise.
        rounding = 10 * np.finfo(np.float64).eps * np.abs(self.center)
        divisor = np.where(self.scale <= rounding, 1.0, self.scale)
        scaled = values - np.expand_dims(self.center, axes).astype(values.dtype)
        scaled /= np.expand_dims(divisor, axes).astype(values.dtype)
        return scaled


def measure(values: FloatArray, axes: tuple[int, ...], *, robust: bool) -> Scaling:
    """Measure values along some axes in double precision, leaving out NaN."""
    known = np.isfinite(values)
    count = np.count_nonzero(known, axis=axes).astype(np.float64)
    locate = _median_and_iqr if robust else _mean_and_sd
    center, scale = locate(values, known, axes)
    seen = np.where(count > 0, 1.0, np.nan)
    return Scaling(count, center * seen, scale * seen)


def stack(recordings: Iterable[Scaling]) -> Scaling:
    """Stack the scalings of several recordings along a new first axis."""
    n_values, center, scale = map(np.stack, zip(*recordings, strict=True))
    return Scaling(n_values, center, scale)


def pool(recordings: Scaling, *, robust: bool) -> Scaling:
    """Pool the stacked scalings of several recordings.

    Mean and SD become exactly those of all values together (Chan, Golub and LeVeque
    1983); median and interquartile range become their medians over recordings.
    """
    total = recordings.n_values.sum(axis=0)
    seen = np.where(total > 0, 1.0, np.nan)
    if robust:
        # Where no recording has a value the result is NaN anyway; 0 avoids a warning.
        center, scale = (
            np.nanmedian(np.where(total > 0, values, 0.0), axis=0)
            for values in (recordings.center, recordings.scale)
        )
        return Scaling(total, center * seen, scale * seen)
    weight = recordings.n_values / np.maximum(total, 1.0)
    center, scale = np.nan_to_num(recordings.center), np.nan_to_num(recordings.scale)
    mean = (weight * center).sum(axis=0)
    variance = (weight * (scale**2 + (center - mean) ** 2)).sum(axis=0)
    return Scaling(total, mean * seen, np.sqrt(variance) * seen)


def _mean_and_sd(
    values: FloatArray, known: BoolArray, axes: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Mean and SD; only sums are in double precision, which saves memory."""
    count = np.maximum(np.count_nonzero(known, axis=axes), 1)
    filled = np.where(known, values, 0)
    mean = filled.sum(axis=axes, dtype=np.float64) / count
    shift = mean.astype(values.dtype)
    filled -= np.expand_dims(shift, axes)
    filled[~known] = 0
    squares = np.square(filled, out=filled).sum(axis=axes, dtype=np.float64) / count
    # The shift is a rounded mean: subtract what the rounding adds to the squares.
    return mean, np.sqrt(np.maximum(squares - (mean - shift) ** 2, 0))


def _median_and_iqr(
    values: FloatArray, known: BoolArray, axes: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Median, and interquartile range in units of the normal SD."""
    if not known.all():
        some = known.any(axis=axes, keepdims=True)
        unknown = np.where(some, np.nan, 0).astype(values.dtype)
        values = np.where(known, values, unknown)
    low, median, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=axes)
    return median.astype(np.float64), (high - low) / IQR_OF_SD
