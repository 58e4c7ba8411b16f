"""Zero-phase notch filter for the power line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import SignalTransformer
from sleepkit.recording import Recording, Signal
from sleepkit.signal import design_notch, filter_signal, line_harmonics

_MIN_FREQ: Final = 2.0  # below it, the notches of neighbouring harmonics would touch


class NotchFilter(SignalTransformer):
    """Zero-phase notch filter for the power line and its harmonics.

    Parameters
    ----------
    freq : float, default=50.0
        Frequency of the power line in hertz: 50, or 60 in the Americas. Its multiples
        below half the sampling rate are removed as well.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays, such as ``{"eeg": [0, 1], "eog":
        [2]}``; None calls all of them ``"eeg"``. Channels left out pass unchanged.

    See Also
    --------
    BandpassFilter : A low-pass below the power line replaces a notch.
    sleepkit.signal.design_notch : The design, which is MNE's.

    Notes
    -----
    A signal whose rate is too low for the power line passes unchanged, with a note in
    `Signal.provenance`. Gaps (NaN) are treated as in `BandpassFilter`.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import NotchFilter
    >>> hum = np.sin(2 * np.pi * 50 * np.arange(6000) / 200)[np.newaxis]
    >>> silent = NotchFilter(50, sfreq=200).fit_transform(hum)
    >>> bool(np.abs(silent[:, 1000:-1000]).max() < 0.02)
    True
    """

    def __init__(
        self,
        freq: float = 50.0,
        *,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.freq = freq
        self.sfreq = sfreq
        self.modalities = modalities

    def _check_parameters(self) -> None:
        """Check the frequency."""
        freq = self._check_positive("freq")
        if freq < _MIN_FREQ:
            msg = f"NotchFilter needs freq >= {_MIN_FREQ:g} Hz; got freq={freq:g}."
            raise ValueError(msg)

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Filter samples."""
        freqs = line_harmonics(sfreq, self.freq)
        return filter_signal(data, design_notch(sfreq, freqs)) if freqs else data

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Filter a signal, or note that its rate is too low for the power line."""
        sfreq = signal.sfreq or 0.0
        if line_harmonics(sfreq, self.freq):
            return super()._transform_signal(modality, signal, recording)
        note = f"notch left out: no room for {self.freq:g} Hz below {sfreq / 2:g} Hz"
        return signal.replace(provenance=(*signal.provenance, note))
