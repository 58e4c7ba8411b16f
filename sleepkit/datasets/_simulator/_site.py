"""A site: who sleeps there, how it records and how it scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sleepkit.datasets._simulator._derivations import EEG, EOG
from sleepkit.utils import check_count, check_option, check_positive

RULES: Final = ("AASM", "R&K")
_MIN_SFREQ: Final = 50
_MIN_AGE, _MAX_AGE = 18, 95
_PAIR: Final = 2


@dataclass(frozen=True, kw_only=True)
class Site:
    """A laboratory of simulated nights: its subjects, its amplifier and its scorer.

    Parameters
    ----------
    eeg : str, default="C4-M1"
        The EEG derivation, with its own amplitude, spectrum and share of the eyes:
        Fpz-Cz, F3-M2, F4-M1, C3-M2, C4-M1, Cz-A1, Pz-Oz, O1-M2 or O2-M1.
    eog : str, default="E1-M2"
        The EOG derivation: E1-M2, E2-M2, E2-M1 or E1-E2, which the EEG hardly leaks
        into.
    sfreq : int, default=100
        Sampling rate in hertz of EEG, EOG and EMG, at least 50. ECG has 200 Hz.
    highpass, lowpass : float, default=0.3, 35
        Edges in hertz of the amplifier's pass-band for EEG and EOG. A high-pass of 0
        and a low-pass from half of `sfreq` on are no filter.
    mains : float, default=50
        Frequency in hertz of the mains.
    gain : float, default=1
        Factor of the amplitudes of EEG, EOG and EMG.
    tilt : float, default=0
        Tilt of the EEG's spectrum about 10 Hz, in decibels an octave; negative values
        leave less of the fast rhythms.
    noise_floor : float, default=0.5
        White noise of the EEG's amplifier, in microvolts (root mean square up to 50
        Hz); that of the others is in proportion.
    age : tuple of float, default=(20, 75)
        Youngest and oldest subject in years, from 18 to 95. Age takes deep sleep, slow
        waves and spindles, and makes sleep fragile [1]_ [2]_.
    deep_sleep : float, default=1
        Factor of the time in deep sleep.
    wake : float, default=1
        Factor of the time awake: before sleep, in long awakenings, and after it.
    fragmentation : float, default=1
        Factor of how often sleep gives way to N1 and wakefulness.
    arousals : float, default=1
        Factor of the number of brief arousals.
    spread : float, default=1
        Factor of the differences between subjects' spectra and waves.
    n3_threshold : float, default=0.2
        Share of an epoch, above 0 and below 1, that slow waves must fill to be scored
        N3. Scorers who demand more score less N3.
    rules : {"AASM", "R&K"}, default="AASM"
        With ``"R&K"``, up to three epochs of N1 between epochs of N2 are scored N2, as
        after arousals [3]_.
    border_noise : float, default=0
        Chance that an epoch beside a change of stage is scored as its neighbour.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Ohayon, M. M. et al. (2004). Meta-analysis of quantitative sleep parameters
       from childhood to old age in healthy individuals. Sleep, 27(7), 1255-1273.
    .. [2] Carrier, J. et al. (2001). The effects of age and gender on sleep EEG power
       spectral density in the middle years of life. Psychophysiology, 38(2), 232-242.
    .. [3] Moser, D. et al. (2009). Sleep classification according to AASM and
       Rechtschaffen & Kales. Sleep, 32(2), 139-149.

    Examples
    --------
    >>> from sleepkit.datasets import Site, make_polysomnography
    >>> old = Site(eeg="Fpz-Cz", sfreq=256, age=(65, 80), rules="R&K")
    >>> X, y, groups = make_polysomnography(2, hours=0.1, site=old, random_state=0)
    >>> X.recordings[0].signals["eeg"]
    Signal(1 x 92160 samples at 256 Hz: Fpz-Cz)
    """

    eeg: str = "C4-M1"
    eog: str = "E1-M2"
    sfreq: int = 100
    highpass: float = 0.3
    lowpass: float = 35.0
    mains: float = 50.0
    gain: float = 1.0
    tilt: float = 0.0
    noise_floor: float = 0.5
    age: tuple[float, float] = (20.0, 75.0)
    deep_sleep: float = 1.0
    wake: float = 1.0
    fragmentation: float = 1.0
    arousals: float = 1.0
    spread: float = 1.0
    n3_threshold: float = 0.2
    rules: str = "AASM"
    border_noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no site can be."""
        check_option("eeg", self.eeg, EEG, owner="Site")
        check_option("eog", self.eog, EOG, owner="Site")
        check_option("rules", self.rules, RULES, owner="Site")
        check_count("sfreq", self.sfreq, owner="Site", minimum=_MIN_SFREQ)
        for name in ("lowpass", "mains", "gain"):
            check_positive(name, getattr(self, name), owner="Site")
        for name in (
            "highpass",
            "noise_floor",
            "deep_sleep",
            "wake",
            "fragmentation",
            "arousals",
            "spread",
        ):
            check_positive(name, getattr(self, name), owner="Site", zero=True)
        self._check_ranges()

    def _check_ranges(self) -> None:
        """Refuse numbers outside of their ranges."""
        pair = isinstance(self.age, tuple) and len(self.age) == _PAIR
        rules = {
            "highpass": (self.highpass < self.lowpass, "below 'lowpass'"),
            "tilt": (abs(self.tilt) <= 6, "from -6 to 6"),
            "age": (
                pair and _MIN_AGE <= self.age[0] <= self.age[1] <= _MAX_AGE,
                f"(youngest, oldest) from {_MIN_AGE} to {_MAX_AGE}",
            ),
            "n3_threshold": (0 < self.n3_threshold < 1, "above 0 and below 1"),
            "border_noise": (0 <= self.border_noise <= 1, "from 0 to 1"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                msg = (
                    f"The {name!r} parameter of Site must be {rule}. "
                    f"Got {getattr(self, name)!r} instead."
                )
                raise ValueError(msg)


def draw_site(rng: np.random.Generator) -> Site:
    """Draw one of many sites, far apart in all that they may differ in."""

    def factor(spread: float) -> float:
        return float(np.exp(spread * rng.standard_normal()))

    oldest = rng.uniform(30, 85)
    return Site(
        eeg=str(rng.choice(list(EEG))),
        eog=str(rng.choice(list(EOG))),
        sfreq=int(rng.choice([50, 100, 100, 128, 200, 256])),
        highpass=float(rng.choice([0.0, 0.1, 0.3, 0.3, 0.5, 1.0])),
        lowpass=float(rng.choice([22.0, 30.0, 35.0, 40.0, 70.0, 100.0])),
        mains=float(rng.choice([50.0, 60.0])),
        gain=factor(0.4),
        tilt=float(np.clip(rng.normal(0, 1.0), -3, 3)),
        noise_floor=0.5 * factor(0.8),
        age=(max(18.0, oldest - 40), oldest),
        deep_sleep=float(rng.choice([1.0, 1.0, 0.5, 0.1])) * factor(0.2),
        wake=2.5 * factor(0.7),
        fragmentation=1.3 * factor(0.5),
        arousals=factor(0.6),
        spread=rng.uniform(1.0, 2.0),
        n3_threshold=float(np.clip(0.2 * factor(0.35), 0.08, 0.5)),
        rules=str(rng.choice(RULES)),
        border_noise=rng.uniform(0.0, 0.25),
    )
