"""What each pair of electrodes sees of the brain and of the eyes."""

from __future__ import annotations

from typing import Final, NamedTuple


class EEGDerivation(NamedTuple):
    """A pair of electrodes on the scalp, or one against ear or mastoid."""

    posterior: float  # place between Fpz-Cz (0) and Pz-Oz (1) in spectrum
    gain: float  # dB against such a bipolar pair: distant references see more
    alpha: float  # dB of theta and alpha beyond that, which spread to the reference
    spindles: float  # factors of single waves, against C4-M1
    slow_waves: float
    eyes: float  # share of what E1-M2 sees of the eyes


class EOGDerivation(NamedTuple):
    """A pair of electrodes beside the eyes, or one against the mastoid."""

    blinks: float  # factors against E1-M2
    rotations: float
    leak: float  # of the EEG


# Slow waves are highest over frontal, spindles over central, alpha over occipital
# electrodes (Finelli et al. 2001, Eur J Neurosci 13; De Gennaro and Ferrara 2003, Sleep
# Med Rev 7), and blinks over frontal ones.
EEG: Final = {
    "Fpz-Cz": EEGDerivation(0.0, 0.0, 0.0, 0.8, 1.0, 0.40),
    "F3-M2": EEGDerivation(0.15, 1.0, 1.0, 0.9, 1.1, 0.20),
    "F4-M1": EEGDerivation(0.15, 1.0, 1.0, 0.9, 1.1, 0.20),
    "C3-M2": EEGDerivation(0.4, 2.0, 1.5, 1.0, 1.0, 0.05),
    "C4-M1": EEGDerivation(0.4, 2.0, 1.5, 1.0, 1.0, 0.05),
    "Cz-A1": EEGDerivation(0.4, 3.0, 1.5, 1.2, 1.2, 0.05),
    "Pz-Oz": EEGDerivation(1.0, 0.0, 0.0, 0.6, 0.4, 0.02),
    "O1-M2": EEGDerivation(0.85, 4.0, 1.5, 0.6, 0.6, 0.02),
    "O2-M1": EEGDerivation(0.85, 4.0, 1.5, 0.6, 0.6, 0.02),
}
# Both eyes turn together, so that their potentials add up between them, and what
# both see of the brain and of a blink cancels.
EOG: Final = {
    "E1-M2": EOGDerivation(1.0, 1.0, 1.0),
    "E2-M2": EOGDerivation(1.0, -1.0, 0.8),
    "E2-M1": EOGDerivation(1.0, -1.0, 1.0),
    "E1-E2": EOGDerivation(0.25, 1.8, 0.25),
}
