"""Centre and scale of spectra and features."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing._scaler import Scaler, axes_of
from sleepkit.preprocessing._scaling import Scaling
from sleepkit.recording import Recording, Signal


class SpectrumScaler(Scaler):
    """Scaling of every frequency bin or feature of every channel to mean 0 and SD 1.

    Invalid epochs and NaN are left out of the statistics. In spectra, NaN bins of a
    frame that has other bins, such as those above the bandwidth of a recording, become
    0, the mean; so do bins that are NaN in all training rows. Missing frames and
    missing features stay NaN.

    Parameters
    ----------
    per : {"recording", "training"}, default="training"
        Whether statistics are taken over all frames of the training rows, as the
        SleepTransformer family does, or of each recording by itself. Masked rows (see
        `EdgeTrimmer`) are not training rows. A plain array has no recordings: with
        ``"recording"``, each row is scaled by its own frames.

    Attributes
    ----------
    scaling_ : dict of str to Scaling, or Scaling
        For each modality (one for a plain array) ``n_values``, ``center`` and
        ``scale``, each of shape (n_channels, n_bins) or (n_features,). Only with
        ``per="training"``.

    See Also
    --------
    SignalScaler : The same for continuous signals.

    Notes
    -----
    Recordings are computed one after the other, each once, and their statistics pooled
    in double precision; no more than one recording is in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import SpectrumScaler
    >>> spectra = np.random.default_rng(0).normal(-20, 5, (50, 2, 29, 128))
    >>> scaled = SpectrumScaler().fit_transform(spectra)
    >>> scaled.shape, scaled.mean(axis=(0, 2)).round(6).any(), scaled.std().round(3)
    ((50, 2, 29, 128), np.False_, np.float64(1.0))
    """

    def __init__(self, per: str = "training") -> None:
        self.per = per

    def _signal_epochs(
        self, name: str, signal: Signal, recording: Recording
    ) -> FloatArray:
        """Return the spectra, which are one array an epoch already."""
        if signal.is_continuous:
            msg = (
                f"SpectrumScaler needs spectra or features, but {name!r} of recording "
                f"{recording.id!r} is continuous; put it behind STFTEpocher or "
                "BandPower, or use SignalScaler."
            )
            raise RecordingError(msg)
        return signal.data

    def _array_epochs(self, X: FloatArray) -> FloatArray:
        """View an array as features, or as (n_epochs, n_channels, n_frames, n_bins)."""
        if X.ndim == 2 and self.per == "recording":
            msg = (
                "SpectrumScaler with per='recording' needs spectra or an EpochArray: a "
                f"row of a plain array of shape {X.shape} has one value a feature."
            )
            raise ValueError(msg)
        if X.ndim in (2, 3, 4):
            return X[:, np.newaxis] if X.ndim == 3 else X
        msg = (
            "SpectrumScaler needs (n_epochs, n_features), (n_epochs, n_frames, n_bins) "
            f"or (n_epochs, n_channels, n_frames, n_bins); got {X.shape}."
        )
        raise ValueError(msg)

    def _scale_signal(self, signal: Signal, scaling: Scaling) -> Signal:
        """Scale each bin of each channel."""
        values = signal.data
        scaled = scaling.apply(values, axes_of(values))
        return signal.replace(data=_fill_bins(scaled, values))

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Scale a plain array, and fill missing bins of spectra."""
        return _fill_bins(super()._transform_array(X), X)


def _fill_bins(scaled: FloatArray, values: FloatArray) -> FloatArray:
    """Set NaN bins to 0, in frames of spectra that have other bins."""
    if values.ndim > 2:
        present = ~np.isnan(values).all(axis=-1, keepdims=True)
        scaled[np.isnan(scaled) & present] = 0
    return scaled
