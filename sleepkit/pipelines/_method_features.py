"""Steps between quality mask and cache of the stagers: what a method reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sleepkit import preprocessing

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    Steps = list[tuple[str, BaseEstimator]]

_SFREQ: Final = 100  # Hz, of every night that a net gets where nothing else is said


def signals(small: bool, *, sfreq: int = _SFREQ) -> tuple[Steps, Any]:
    """Signals of the night, scaled in the small size alone."""
    scaler = preprocessing.SignalScaler() if small else None
    return [("resample", preprocessing.Resampler(sfreq))], scaler


def filtered_signals(_small: bool) -> tuple[Steps, Any]:
    """Signals between 0.3 and 35 Hz, scaled by the night."""
    steps = [
        ("filter", preprocessing.BandpassFilter((0.3, 35))),
        ("resample", preprocessing.Resampler(_SFREQ)),
    ]
    return steps, preprocessing.SignalScaler()


def spectra(small: bool) -> tuple[Steps, Any]:
    """Spectra every second, or every other one, scaled by the night."""
    steps = [
        ("resample", preprocessing.Resampler(_SFREQ)),
        ("spectra", preprocessing.STFTEpocher(hop=2.0 if small else 1.0)),
    ]
    return steps, preprocessing.SpectrumScaler("recording")


def training_spectra(small: bool, *, n_bins: int) -> tuple[Steps, Any]:
    """Spectra scaled by the training nights, in the small size by the night."""
    steps, scaler = spectra(small)
    if small:
        return steps, scaler
    steps[-1] = ("spectra", preprocessing.STFTEpocher(n_bins=n_bins))
    return steps, preprocessing.SpectrumScaler()


def band_passed_signals(small: bool) -> tuple[Steps, Any]:
    """Signals between 0.3 and 40 Hz, scaled in the small size alone."""
    steps, scaler = signals(small)
    return [("filter", preprocessing.BandpassFilter((0.3, 40))), *steps], scaler


def powers(_small: bool) -> tuple[Steps, Any]:
    """Band powers of five epochs."""
    power = preprocessing.BandPower(normalize="append", context=2)
    return [("power", power)], None
