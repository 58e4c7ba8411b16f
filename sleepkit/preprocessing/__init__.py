"""Transformers of recordings and epochs, to be chained in a ``Pipeline``."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.preprocessing._band_power import BandPower
    from sleepkit.preprocessing._bandpass import BandpassFilter
    from sleepkit.preprocessing._cache import Cache
    from sleepkit.preprocessing._domain_randomizer import DomainRandomizer
    from sleepkit.preprocessing._edge_trimmer import EdgeTrimmer, trim_wake
    from sleepkit.preprocessing._fit_on_selected import FitOnSelected
    from sleepkit.preprocessing._fixed_channels import FixedChannels
    from sleepkit.preprocessing._notch import NotchFilter
    from sleepkit.preprocessing._power_shares import PowerShares
    from sleepkit.preprocessing._quality_mask import QualityMask, noisy_recordings
    from sleepkit.preprocessing._relative_features import RelativeFeatures
    from sleepkit.preprocessing._resample import Resampler
    from sleepkit.preprocessing._scaling import Scaling
    from sleepkit.preprocessing._signal_scaler import SignalScaler
    from sleepkit.preprocessing._spectrum_scaler import SpectrumScaler
    from sleepkit.preprocessing._stft import STFTEpocher
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "BandPower",
    "BandpassFilter",
    "Cache",
    "DomainRandomizer",
    "EdgeTrimmer",
    "FitOnSelected",
    "FixedChannels",
    "NotchFilter",
    "PowerShares",
    "QualityMask",
    "RelativeFeatures",
    "Resampler",
    "STFTEpocher",
    "Scaling",
    "SignalScaler",
    "SpectrumScaler",
    "noisy_recordings",
    "trim_wake",
]
