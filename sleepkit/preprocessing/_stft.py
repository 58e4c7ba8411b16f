"""Short-time spectra of epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import SignalTransformer, continuous_epochs
from sleepkit.recording import Recording, Signal
from sleepkit.signal import epoch_spectra, spectrum_freqs


class STFTEpocher(SignalTransformer):
    """Short-time spectra of each epoch in decibels.

    With its defaults, an epoch of 30 s at 100 Hz becomes the 29 frames of 128 bins
    that SeqSleepNet, SleepTransformer and their successors expect.

    Parameters
    ----------
    window : float, default=2.0
        Length of a frame in seconds, weighted by a symmetric Hamming window.
    hop : float, default=1.0
        Seconds from one frame to the next. Frames never cross the end of an epoch.
    n_fft : int, default=256
        Length of the Fourier transform in samples, at least ``window * sfreq``.
    n_bins : int, default=128
        ``n_fft // 2`` to leave out the bin at 0 Hz, or ``n_fft // 2 + 1`` to keep it.
    floor : float, default=0.001
        Smallest amplitude in microvolts; smaller values are clipped to it.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; the result does not depend on it. No
        channel may be left out, since none can pass unchanged.

    See Also
    --------
    BandPower : A flat table of features, for any classifier.
    sleepkit.signal.epoch_spectra : The function behind it, and its equation.

    Notes
    -----
    Epochs are those of the recording, `Recording.epoch_duration` seconds long; no row
    is added or lost. A scoring of shorter epochs is merged when it is read, by the
    stage that covers most of an epoch (`sleepkit.signal.majority_labels`).

    Bins above `Signal.bandwidth` are NaN, since they hold nothing of the signal, and so
    are frames with a gap. Epochs of nothing but gaps are marked as invalid.

    Rows of plain arrays are epochs; the result has the shape (n_epochs, n_channels,
    n_frames, n_bins). Rows shorter than a frame are padded with zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import STFTEpocher
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eeg = Signal(np.ones((1, 6000)), sfreq=100)
    >>> X = EpochArray([Recording(id="n", subject="s", signals={"eeg": eeg})])
    >>> np.asarray(STFTEpocher().fit_transform(X)).shape
    (2, 1, 29, 128)
    """

    _keeps_shape = False

    def __init__(
        self,
        *,
        window: float = 2.0,
        hop: float = 1.0,
        n_fft: int = 256,
        n_bins: int = 128,
        floor: float = 1e-3,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.window = window
        self.hop = hop
        self.n_fft = n_fft
        self.n_bins = n_bins
        self.floor = floor
        self.sfreq = sfreq
        self.modalities = modalities

    def _check_parameters(self) -> None:
        """Check the parameters that need no signal."""
        for name in ("window", "hop", "floor"):
            self._check_positive(name)
        spectrum_freqs(1.0, self.n_fft, self.n_bins)

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Compute the spectra of epochs; without a channel axis, of one channel."""
        return epoch_spectra(
            data[:, np.newaxis] if data.ndim == 2 else data,
            sfreq,
            window=self.window,
            hop=self.hop,
            n_fft=self.n_fft,
            n_bins=self.n_bins,
            floor=self.floor,
        )

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Compute the spectra of a signal, and mark what is missing in them."""
        sfreq = signal.sfreq or 0.0
        epochs = continuous_epochs(modality, signal, recording, owner="STFTEpocher")
        spectra = self._transform_samples(epochs, sfreq, modality)
        valid = ~np.isnan(spectra[..., 0]).all(axis=(1, 2))
        if signal.valid is not None:
            valid &= signal.valid[: recording.n_epochs]
        freqs = spectrum_freqs(sfreq, self.n_fft, self.n_bins)
        if signal.bandwidth is not None:
            spectra[..., freqs > signal.bandwidth] = np.nan
        return signal.replace(
            data=spectra, sfreq=None, freqs=freqs, valid=None if valid.all() else valid
        )
