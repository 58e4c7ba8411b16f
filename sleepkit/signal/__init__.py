"""Pure functions on arrays of signals, time last."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.signal._band_powers import BANDS, band_powers
    from sleepkit.signal._design import check_band, design_bandpass, effective_band
    from sleepkit.signal._edges import trim_bounds
    from sleepkit.signal._epoching import epoch_starts, majority_labels, to_epochs
    from sleepkit.signal._filter import filter_signal
    from sleepkit.signal._notch import design_notch, line_harmonics
    from sleepkit.signal._quality import (
        WindowFlags,
        flag_windows,
        is_noisy_recording,
        robust_z,
    )
    from sleepkit.signal._resample import resample, resampling_ratio
    from sleepkit.signal._spectrum import epoch_spectra, spectrum_freqs
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "BANDS",
    "WindowFlags",
    "band_powers",
    "check_band",
    "design_bandpass",
    "design_notch",
    "effective_band",
    "epoch_spectra",
    "epoch_starts",
    "filter_signal",
    "flag_windows",
    "is_noisy_recording",
    "line_harmonics",
    "majority_labels",
    "resample",
    "resampling_ratio",
    "robust_z",
    "spectrum_freqs",
    "to_epochs",
    "trim_bounds",
]
