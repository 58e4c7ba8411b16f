"""Zero-phase band-pass filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import SignalTransformer
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import design_bandpass, filter_signal
from sleepkit.signal._design import check_band, effective_band

Band: TypeAlias = tuple[float | None, float | None]

_ANY: Final = "*"
_AASM_BANDS: Final[Mapping[str, Band]] = {
    "eeg": (0.3, 35.0),
    "eog": (0.3, 35.0),
    "emg": (10.0, 100.0),
    "ecg": (0.3, 70.0),
    "resp": (0.1, 15.0),
}


class BandpassFilter(SignalTransformer):
    """Zero-phase band-pass filter, with a band for each modality.

    Recordings are filtered whole and at their own rate; put it before the `Resampler`.

    Parameters
    ----------
    bands : mapping of str to (low, high), or (low, high), default=None
        Edges in hertz for each modality, or for all of them; None in place of an edge
        leaves that side open. Modalities that are not named pass unchanged. None means
        the bands recommended by the AASM manual: EEG and EOG 0.3 to 35 Hz, EMG 10 to
        100, ECG 0.3 to 70, breathing (``"resp"``) 0.1 to 15.
    fir_order : int, default=None
        None makes the filter as long as its edges require, which is 11 s for an edge at
        0.3 Hz. The sleep staging papers use order 100, run forward and backward; a
        filter that short cannot cut below about 3 Hz at 100 Hz.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays, such as ``{"eeg": [0, 1], "eog":
        [2]}``; None calls all of them ``"eeg"``. Channels left out pass unchanged.

    See Also
    --------
    NotchFilter : Removes the power line.
    sleepkit.signal.design_bandpass : The design, which is MNE's.

    Notes
    -----
    A high edge at or above half of a recording's rate leaves the low-pass out there,
    with a note in `Signal.provenance`. Gaps (NaN) are interpolated linearly for the
    filter and are NaN again afterwards. Rows of plain arrays are filtered one by one,
    which makes the seconds at both ends of each uncertain.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import BandpassFilter
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> drifting = Signal(np.linspace(0, 500, 6000)[np.newaxis], sfreq=100)
    >>> X = EpochArray([Recording(id="n", subject="s", signals={"eeg": drifting})])
    >>> flat = BandpassFilter({"eeg": (0.3, 40)}).fit_transform(X)
    >>> bool(np.abs(flat.epochs("eeg")).max() < 1)
    True
    """

    def __init__(
        self,
        bands: Mapping[str, Band] | Band | None = None,
        *,
        fir_order: int | None = None,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.bands = bands
        self.fir_order = fir_order
        self.sfreq = sfreq
        self.modalities = modalities

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Refuse also bands of which none is for a modality of X, as a misspelling."""
        super()._fit(X, y)
        named = self.bands if isinstance(self.bands, Mapping) else {}
        if isinstance(X, EpochArray) and named and not set(named) & set(X.modalities):
            msg = (
                "The 'bands' parameter of BandpassFilter must name some of the "
                f"modalities {X.modalities}. Got {self.bands!r} instead."
            )
            raise ValueError(msg)

    def _check_parameters(self) -> None:
        """Check the bands and the order."""
        for name, band in self._bands().items():
            _check_pair(name, band)
        if self.fir_order is not None:
            design_bandpass(1.0, fir_order=self.fir_order)

    def _bands(self) -> Mapping[str, Band]:
        """Return the band of each modality."""
        bands = _AASM_BANDS if self.bands is None else self.bands
        return bands if isinstance(bands, Mapping) else {_ANY: bands}

    def _band(self, modality: str) -> Band | None:
        """Return the band of a modality, if it has one."""
        bands = self._bands()
        return bands.get(modality, bands.get(_ANY))

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Filter samples."""
        band = self._band(modality)
        if band is None:
            return data
        owner = f"BandpassFilter on {modality!r}"
        low, high = effective_band(sfreq, *band, owner=owner)
        taps = design_bandpass(sfreq, low, high, fir_order=self.fir_order)
        return filter_signal(data, taps)

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Filter a signal, and note a low-pass that is left out."""
        filtered = super()._transform_signal(modality, signal, recording)
        _, high = self._band(modality) or (None, None)
        nyquist = (signal.sfreq or 0.0) / 2
        if high is None or high < nyquist:
            return filtered
        note = f"low-pass left out: {high:g} Hz >= Nyquist {nyquist:g} Hz"
        return filtered.replace(provenance=(*signal.provenance, note))


def _check_pair(name: str, band: Any) -> None:
    """Require a pair of edges in order."""
    if not isinstance(band, Sequence) or isinstance(band, str) or len(band) != 2:
        msg = (
            "The 'bands' parameter of BandpassFilter must be pairs (low, high) in "
            f"hertz. Got {name!r}: {band!r} instead."
        )
        raise ValueError(msg)
    check_band(*band, owner="BandpassFilter")
