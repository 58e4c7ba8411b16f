"""Band powers and their shares, as public feature sets of sleep have them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import softmax

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import SignalTransformer, continuous_epochs
from sleepkit.recording import Recording, Signal
from sleepkit.signal import band_powers

BANDS: Final = {  # hertz
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
}
FLOOR: Final = 1e-10
_KINDS: Final = ("log", "share")


class PowerShares(SignalTransformer):
    """Natural logarithms of five band powers, and the share of each band.

    Ten features a channel and epoch, as public features of Sleep-EDF have them: the
    logarithms (plus 1e-10) of the powers from 0.5 to 4, 8, 12, 16 and 30 Hz, and their
    shares of the sum. Powers are the medians of Welch's segments, Hamming windows of
    4 s that overlap by half.

    Parameters
    ----------
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; the result does not depend on it. No
        channel may be left out, since none can pass unchanged.

    See Also
    --------
    BandPower : Any bands, their ratios and neighbouring epochs.
    SignalScaler : Scaling of the signals before it, as the public features have it.

    Notes
    -----
    Rows of plain arrays are epochs; the result has the shape (n_epochs, n_channels,
    10), or (n_epochs, 10) for arrays without an axis of channels.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import PowerShares
    >>> epochs = np.sin(2 * np.pi * 10 * np.arange(3000) / 100)[np.newaxis]
    >>> PowerShares(sfreq=100).fit_transform(epochs)[0, 5:].round(2)  # all alpha
    array([0., 0., 1., 0., 0.])
    """

    _keeps_shape = False

    def __init__(
        self,
        *,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.sfreq = sfreq
        self.modalities = modalities

    def _layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Numbers of features are known when channels are."""
        return dict.fromkeys(before)

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Compute the features of epochs of shape (..., n_times)."""
        powers = math.log(10) * band_powers(
            data, sfreq, BANDS, floor=FLOOR, average="median", taper="hamming"
        )
        shares: FloatArray = softmax(powers, axis=-1)
        return np.concatenate([powers, shares], axis=-1)

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Compute the features of a signal, and mark epochs without any."""
        epochs = continuous_epochs(modality, signal, recording, owner="PowerShares")
        features = self._transform_samples(epochs, signal.sfreq or 0.0, modality)
        features = features.reshape(len(features), -1)
        valid = ~np.isnan(features).all(axis=1)
        if signal.valid is not None:
            valid &= signal.valid[: recording.n_epochs]
        names = [
            f"{channel}_{kind}_{band}"
            for channel in signal.ch_names
            for kind in _KINDS
            for band in BANDS
        ]
        return signal.replace(
            data=features,
            sfreq=None,
            ch_names=names,
            valid=None if valid.all() else valid,
        )
