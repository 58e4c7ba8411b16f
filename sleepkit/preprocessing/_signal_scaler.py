"""Centre and scale of continuous signals."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import continuous_epochs
from sleepkit.preprocessing._scaler import Scaler
from sleepkit.preprocessing._scaling import Scaling
from sleepkit.recording import Recording, Signal


class SignalScaler(Scaler):
    """Centre and scale of every channel of continuous signals.

    Invalid epochs and NaN samples are left out of the statistics. A channel without any
    spread becomes 0.

    Parameters
    ----------
    per : {"recording", "training"}, default="recording"
        Whether a recording is scaled by its own statistics, over all its epochs, or by
        those of the training rows, without those masked (see `EdgeTrimmer`). A plain
        array has no recordings: with ``"recording"``, each row is scaled by itself.
    robust : bool, default=True
        Whether centre and spread are the median and the interquartile range (in units
        of the normal SD), which artefacts hardly change, or mean and SD. Over several
        training recordings the robust ones are the medians of those of each recording;
        the others are exactly those of all samples together.

    Attributes
    ----------
    scaling_ : dict of str to Scaling, or Scaling
        For each modality (one for a plain array) ``n_values``, ``center`` and
        ``scale``, each of shape (n_channels,). Only with ``per="training"``.

    See Also
    --------
    SpectrumScaler : The same for spectra and features.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import SignalScaler
    >>> X = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    >>> SignalScaler(robust=False).fit_transform(X).round(2)
    array([[-1.22,  0.  ,  1.22],
           [-1.22,  0.  ,  1.22]])
    >>> scaler = SignalScaler(per="training", robust=False).fit(X)
    >>> scaler.scaling_.center, scaler.scaling_.scale.round(2)
    (array([11.]), array([10.71]))
    """

    _takes_signals_only = True

    def __init__(self, per: str = "recording", *, robust: bool = True) -> None:
        self.per = per
        self.robust = robust

    def _is_robust(self) -> bool:
        """Whether the statistics are median and interquartile range."""
        return self.robust

    def _signal_epochs(
        self, name: str, signal: Signal, recording: Recording
    ) -> FloatArray:
        """Cut a signal into epochs, shape (n_epochs, n_channels, n_times)."""
        return continuous_epochs(name, signal, recording, owner="SignalScaler")

    def _array_epochs(self, X: FloatArray) -> FloatArray:
        """View a plain array as (n_epochs, n_channels, n_times)."""
        return X[:, np.newaxis] if X.ndim == 2 else X

    def _scale_signal(self, signal: Signal, scaling: Scaling) -> Signal:
        """Scale the samples of each channel."""
        return signal.replace(data=scaling.apply(signal.data[np.newaxis], (0, 2))[0])
