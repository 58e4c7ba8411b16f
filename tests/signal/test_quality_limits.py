"""The limits of each modality leave room for what bodies do."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.signal import QUALITY_LIMITS, flag_windows

SFREQ = 200
TIMES = np.arange(30 * SFREQ) / SFREQ


def background(sd, exponent=1.5):
    """Make noise whose power falls with frequency to the power of an exponent."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(TIMES.size))
    cycles = np.arange(spectrum.size)
    spectrum *= np.where(cycles < 9, 0, np.maximum(cycles, 1) ** (-exponent / 2))
    samples = np.fft.irfft(spectrum, n=TIMES.size)
    return sd * samples / samples.std()


def sine(freq, from_top_to_bottom):
    """Make a rhythm of a frequency in hertz and a size in microvolts."""
    return from_top_to_bottom / 2 * np.sin(2 * np.pi * freq * TIMES)


def tone(sd):
    """Make the tone of a muscle, from 20 Hz on."""
    white = np.fft.rfft(np.random.default_rng(0).normal(0, sd, TIMES.size))
    white[: 30 * 20] = 0
    return np.fft.irfft(white, n=TIMES.size)


def blinks(size):
    """Make a blink every two seconds, a tenth of a second wide."""
    return size * np.exp(-((((TIMES + 1) % 2 - 1) / 0.1) ** 2))


PHYSIOLOGY = {
    "flat EEG of an old person": ("eeg", background(3)),
    "alpha": ("eeg", background(8) + sine(10, 100)),
    "drug-induced beta": ("eeg", background(10) + sine(22, 30)),
    "slow waves of a child": ("eeg", background(15) + sine(0.9, 400)),
    "sweat": ("eeg", background(10) + sine(0.2, 300)),
    "hum as strong as the EEG": ("eeg", background(10) + sine(50, 30)),
    "muscles in the EEG": ("eeg", background(10) + tone(5)),
    "still eyes": ("eog", background(3)),
    "blinks": ("eog", background(8) + blinks(400)),
    "rolling eyes": ("eog", background(8) + sine(0.3, 500)),
    "a tense face": ("eog", background(15) + tone(15)),
    "atonia": ("emg", tone(1)),
    "tone": ("emg", tone(20)),
    "tone of a slow amplifier": ("emg", tone(5) + sine(0.3, 200)),
}


@pytest.mark.parametrize("case", PHYSIOLOGY)
def test_physiology_is_good(case):
    modality, samples = PHYSIOLOGY[case]
    limits = QUALITY_LIMITS[modality]
    assert flag_windows(samples[None], sfreq=SFREQ, limits=limits).reasons == [""]


DAMAGE = {
    "an amplifier's noise": ("eeg", background(0.5), "flat"),
    "a wrong gain": ("eeg", background(300), "strong"),
    "hum of an open input": ("eeg", background(10) + sine(60, 150), "mains"),
    "muscles only": ("eeg", background(10) + tone(40), "noisy"),
    "hum over weak tone": ("emg", tone(2) + sine(50, 100), "mains"),
    "a loose electrode": ("emg", tone(5) + sine(0.1, 3000), "loose"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_found(case):
    modality, samples, kind = DAMAGE[case]
    limits = QUALITY_LIMITS[modality]
    assert kind in flag_windows(samples[None], sfreq=SFREQ, limits=limits).reasons[0]


def test_the_limits_cannot_be_changed_in_place():
    with pytest.raises(TypeError):
        QUALITY_LIMITS["eeg"] = QUALITY_LIMITS["eog"]
