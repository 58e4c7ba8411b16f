"""Polyphase resampling to one rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import SignalTransformer
from sleepkit.recording import Recording, Signal
from sleepkit.signal import resample


class Resampler(SignalTransformer):
    """Polyphase resampling of all signals to one rate.

    Parameters
    ----------
    target_sfreq : float, default=100.0
        The new sampling rate in hertz.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; the result does not depend on it. No
        channel may be left out, since none can pass unchanged.

    See Also
    --------
    sleepkit.signal.resample : The function behind it.

    Notes
    -----
    Whole recordings are resampled, so that only the ends of the night are uncertain.
    A signal of a lower rate has no content above its old Nyquist frequency, which is
    kept in `Signal.bandwidth`: the `STFTEpocher` marks these bins as missing.

    Rows of plain arrays are resampled one by one, and each is uncertain for a tenth of
    a second at both ends.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import Resampler
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eog = Signal(np.ones((1, 3000)), sfreq=50)
    >>> X = EpochArray([Recording(id="n", subject="s", signals={"eog": eog})])
    >>> fast = Resampler(100).fit_transform(X).recordings[0].signals["eog"]
    >>> fast, fast.bandwidth
    (Signal(1 x 6000 samples at 100 Hz: 0), 25.0)
    """

    _keeps_shape = False

    def __init__(
        self,
        target_sfreq: float = 100.0,
        *,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.target_sfreq = target_sfreq
        self.sfreq = sfreq
        self.modalities = modalities

    def _check_parameters(self) -> None:
        """Check the rate."""
        self._check_positive("target_sfreq")

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Resample samples."""
        return resample(data, sfreq, self.target_sfreq)

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Resample a signal; its bandwidth stays that of the lower rate."""
        sfreq = signal.sfreq or 0.0
        if sfreq == self.target_sfreq:
            return signal
        seconds = recording.n_epochs * recording.epoch_duration
        data = self._transform_samples(signal.data, sfreq, modality)
        return signal.replace(
            data=_hold(data, math.ceil(seconds * self.target_sfreq)),
            sfreq=self.target_sfreq,
        )


def _hold(data: FloatArray, n_times: int) -> FloatArray:
    """Repeat the last sample where rounding has made the last epoch too short."""
    missing = n_times - data.shape[-1]
    return np.pad(data, ((0, 0), (0, missing)), "edge") if missing > 0 else data
