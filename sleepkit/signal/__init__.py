"""Pure functions on arrays of signals, time last."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.signal._acquisition import (
        Acquisition,
        acquire_signal,
        acquire_spectra,
    )
    from sleepkit.signal._band_powers import BANDS, band_powers
    from sleepkit.signal._design import design_bandpass
    from sleepkit.signal._edges import trim_bounds
    from sleepkit.signal._epoching import majority_labels, to_epochs
    from sleepkit.signal._filter import filter_signal
    from sleepkit.signal._multitaper import multitaper_density
    from sleepkit.signal._noisy_recording import is_noisy_recording, robust_z
    from sleepkit.signal._notch import design_notch, line_harmonics
    from sleepkit.signal._quality import WindowFlags, flag_windows
    from sleepkit.signal._quality_limits import QUALITY_LIMITS, QualityLimits
    from sleepkit.signal._resample import resample
    from sleepkit.signal._spectrum import epoch_spectra, spectrum_freqs
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "BANDS",
    "QUALITY_LIMITS",
    "Acquisition",
    "QualityLimits",
    "WindowFlags",
    "acquire_signal",
    "acquire_spectra",
    "band_powers",
    "design_bandpass",
    "design_notch",
    "epoch_spectra",
    "filter_signal",
    "flag_windows",
    "is_noisy_recording",
    "line_harmonics",
    "majority_labels",
    "multitaper_density",
    "resample",
    "robust_z",
    "spectrum_freqs",
    "to_epochs",
    "trim_bounds",
]
