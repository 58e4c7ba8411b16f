"""Statistics of a recording, by which its own values are scaled."""

from __future__ import annotations

from sleepkit._typing import FloatArray, IntArray
from sleepkit.preprocessing._scaling import Scaling, measure


class NightStatistics:
    """Centre and scale of values over all epochs of their recording.

    A live stager has another: of the night so far.

    See Also
    --------
    Scaling : What is measured.
    """

    def measure(
        self,
        name: str,
        values: FloatArray,
        epochs: IntArray,
        axes: tuple[int, ...],
        *,
        robust: bool,
    ) -> Scaling:
        """Measure some epochs of a modality.

        Parameters
        ----------
        name : str
            The modality.
        values : ndarray of float, shape (n_epochs, ...)
            All its epochs.
        epochs : ndarray of int
            The epochs that count.
        axes : tuple of int
            Axes that are measured along, the first among them.
        robust : bool
            Whether the result is median and interquartile range, or mean and SD.

        Returns
        -------
        Scaling
            Centre and scale.
        """
        chosen = values if len(epochs) == len(values) else values[epochs]
        return measure(chosen, axes, robust=robust)
