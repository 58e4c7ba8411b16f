"""Spectrum of the brain's background: rhythms, and their levels by stage."""

from __future__ import annotations

from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.datasets._simulator._derivations import EEGDerivation
from sleepkit.datasets._simulator._events import bump

APERIODIC, SLOW, DELTA, THETA, ALPHA, SIGMA, LOW_BETA, BETA = range(8)
N_RHYTHMS: Final = 8
# Power of each rhythm at its peak (1/f: at 1 Hz) in dB above 1 uV**2 / Hz, Fpz-Cz and
# Pz-Oz. Fitted, through whole simulated nights with their single waves, to the median
# spectra of each stage of one night (PolyCortex polydodo, MIT licence), whose contrasts
# of five bands between stages were first moved half way to the median contrasts of 76
# nights of 39 subjects (Sleep-EDF Expanded, ODC-By 1.0). Only levels were taken.
_LEVELS = np.array(
    [
        [  # 1/f  slow  delta  theta  alpha  sigma  low beta  beta
            [19.2, 4.8, 3.2, 4.8, 6.1, -11.1, -1.8, -5.3],  # W
            [16.0, 3.3, 3.3, 4.6, -4.0, -6.1, -3.2, -9.7],  # N1
            [13.7, 17.0, 13.8, 7.7, -0.1, 4.2, -8.9, -13.1],  # N2
            [13.9, 29.4, 21.0, 9.5, 1.5, 4.1, -9.5, -16.2],  # N3
            [15.3, 1.5, 7.4, 5.3, -5.1, -8.6, -6.4, -12.0],  # REM
        ],
        [
            [5.3, 0.2, 0.0, -0.8, 9.8, -12.6, -0.6, -9.0],  # W
            [11.6, 1.2, 1.1, 3.4, -2.3, -7.4, -8.1, -15.4],  # N1
            [7.7, 13.8, 7.9, 5.0, -1.6, -2.2, -11.6, -16.6],  # N2
            [7.5, 24.3, 13.7, 6.3, -2.0, -2.2, -12.9, -20.1],  # N3
            [10.0, -2.2, 1.0, 2.6, -2.4, -9.9, -10.2, -19.3],  # REM
        ],
    ]
)
_PEAKS = np.array([0.8, 2.0, 5.5, 9.0, 12.7, 17.0, 24.0])
_WIDTHS = np.array([0.4, 1.1, 1.8, 1.2, 1.2, 2.5, 4.0])


def rhythm_levels(derivation: EEGDerivation) -> FloatArray:
    """Levels of the rhythms as log power, shape (5, N_RHYTHMS)."""
    place = derivation.posterior
    decibels = (1 - place) * _LEVELS[0] + place * _LEVELS[1] + derivation.gain
    decibels[:, [THETA, ALPHA]] += derivation.alpha
    levels: FloatArray = decibels * (np.log(10) / 10)
    return levels


def rhythm_spectra(
    freqs: FloatArray, slope: float, alpha_frequency: float, tilt: float
) -> FloatArray:
    """Spectrum of each rhythm, shape (N_RHYTHMS, n_freqs), with a peak of one.

    The aperiodic part is one at 1 Hz; the tilt is in decibels an octave about 10 Hz.
    """
    peaks = _PEAKS.copy()
    peaks[ALPHA - 1] = alpha_frequency
    rhythms = bump(freqs, peaks[:, np.newaxis], _WIDTHS[:, np.newaxis])
    bounded = np.maximum(freqs, 0.4)
    spectra = np.vstack([bounded**-slope, rhythms])
    spectra *= (bounded / 10) ** (tilt / (10 * np.log10(2)))
    return spectra
