"""Limits of what the signal of an electrode can be, by modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class QualityLimits:
    """Limits of a usable window; None turns a rule off.

    Except for the first three rules, a value of a window is a median over its pieces of
    two seconds. So a rule applies where at least half of the window breaks it, as in
    the AASM manual's rule on epochs with a movement: what lasts for a few seconds, such
    as a movement, a blink or a burst, does not count.

    Parameters
    ----------
    min_range : float, default=1.0
        Flat: the largest and smallest sample are less than this apart, in microvolts.
    max_repeated : float, default=0.5
        Flat: more than this fraction of the samples equals the one before, and more
        than this fraction is of one value. Repeats of many values only show a coarse
        resolution of the recorder.
    max_clipped : float, default=0.05
        Clipped: more than this fraction of the samples stays at the largest or smallest
        value of the window. A movement saturates an amplifier for about a second, a
        lost electrode for longer.
    low_freq : float, default=0.5
        Lower edge in hertz of the band of `min_rms` and `max_rms`, which leaves out the
        mains at 50 and 60 Hz.
    high_freq : float, default=35.0
        Upper edge of the band.
    min_rms : float or None, default=None
        Flat: the root mean square (RMS) in the band is less than this, in microvolts.
        It is what an amplifier adds by itself, with the electrodes off or shorted.
    max_rms : float or None, default=None
        Strong: the RMS in the band is more than this, in microvolts.
    max_mains : float or None, default=None
        Mains: more than this fraction of the power is within 1 Hz of 50 or of 60 Hz,
        beside that in the band. The electrode picks up more mains than body.
    max_fast : float or None, default=None
        Noisy: the RMS of 20 to 35 Hz is more than this, in microvolts.
    min_exponent : float or None, default=None
        Noisy: power falls from 1 to 28 Hz as frequency to the power of less than this.
        The background of EEG falls with an exponent of 1 (wake) to 3 (N3), and so do
        slow eye potentials; the noise of electronics and muscles does not fall.
    max_evenness : float or None, default=None
        Noisy: the robust SD of the steps over 20 ms is more than this fraction of their
        SD. An ECG is quiet between its steep beats (0.1 to 0.4); noise and everything
        else without beats gives 1 or more.
    max_drift : float or None, default=None
        Loose: the robust SD of the means of the pieces is more than this, in
        microvolts.
    max_jump : float or None, default=None
        Loose: the largest step over 20 ms is more than this, in microvolts. Electrodes
        without contact pop; waves of brain and eyes take longer.

    See Also
    --------
    QUALITY_LIMITS : The limits of each modality.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from sleepkit.signal import QUALITY_LIMITS
    >>> replace(QUALITY_LIMITS["emg"], max_rms=60.0).max_rms
    60.0
    """

    min_range: float = 1.0
    max_repeated: float = 0.5
    max_clipped: float = 0.05
    low_freq: float = 0.5
    high_freq: float = 35.0
    min_rms: float | None = None
    max_rms: float | None = None
    max_mains: float | None = None
    max_fast: float | None = None
    min_exponent: float | None = None
    max_evenness: float | None = None
    max_drift: float | None = None
    max_jump: float | None = None


# EEG: silence by the ACNS is less than 2 uV from top to bottom, an RMS of 0.6; slow
#   waves of children reach 400 uV, an RMS of 120; beta stays below 30 uV, an RMS of 10.
#   Steps of spikes are 100 uV in 20 ms, and rare. The aperiodic exponent of wakefulness
#   is about 1; of 631 epochs of real EEG the least is 0.6, and white noise exceeds 0.2
#   once in 500 epochs.
# EOG: rolling and rapid movements of 500 uV have an RMS below 200; in a tense face,
#   muscles of 12 uV are usual between 20 and 35 Hz.
# EMG: the chin in REM sleep reaches 0.8 uV on a good amplifier, whose noise is less
#   than 0.4 uV; resting tone is below 20 uV, and clenching (100 uV from top to bottom,
#   an RMS of 35) does not last. Its shape is that of noise: only its level tells.
# ECG: units and gains of the files vary by thousands, so that only its shape tells.
QUALITY_LIMITS: Final[Mapping[str, QualityLimits]] = MappingProxyType(
    {
        "eeg": QualityLimits(
            min_rms=1.0,
            max_rms=150.0,
            max_mains=0.9,
            max_fast=15.0,
            min_exponent=0.2,
            max_drift=500.0,
            max_jump=200.0,
        ),
        "eog": QualityLimits(
            min_rms=1.0,
            max_rms=250.0,
            max_mains=0.9,
            max_fast=20.0,
            min_exponent=0.2,
            max_drift=500.0,
            max_jump=200.0,
        ),
        "emg": QualityLimits(
            low_freq=10.0,
            high_freq=100.0,
            min_rms=0.4,
            max_rms=35.0,
            max_mains=0.9,
            max_drift=500.0,
            max_jump=300.0,
        ),
        "ecg": QualityLimits(max_mains=0.9, max_evenness=0.5),
    }
)
"""The limits of each modality, for adults and children, filtered or not."""
