"""Each modality, stage by stage, against what a scorer expects to see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import find_peaks, welch

from sleepkit._stages import N1, N2, N3, REM, WAKE
from sleepkit.datasets._simulator import (
    NightSeed,
    SimulatedArray,
    Site,
    draw_night,
)

N_EPOCHS = 480  # four hours
SEEDS = [NightSeed(0, subject, 1, N_EPOCHS) for subject in range(6)]


def simulate(seed, modality, noise=1.0):
    return np.asarray(SimulatedArray(seed, modality, noise))[0].reshape(N_EPOCHS, -1)


def by_stage(values, hypnogram):
    """Median of a value over the epochs of each stage; NaN where there are none."""
    return np.array(
        [
            np.median(values[hypnogram == stage], axis=0)
            if (hypnogram == stage).any()
            else np.full(values.shape[1:], np.nan)
            for stage in range(5)
        ]
    )


@pytest.fixture(scope="module")
def eeg():
    """Epochs of the EEG of each subject."""
    return [simulate(seed, "eeg") for seed in SEEDS]


@pytest.fixture(scope="module")
def spectra(eeg):
    """Median power spectral density of each subject and stage, uV**2 / Hz, and Hz."""
    subjects = []
    for seed, epochs in zip(SEEDS, eeg, strict=True):
        freqs, power = welch(epochs, 100, nperseg=400)
        subjects.append(by_stage(power, draw_night(seed).hypnogram))
    return freqs, np.array(subjects)


def band(spectra, low, high):
    freqs, power = spectra
    return power[..., (freqs >= low) & (freqs < high)].mean(axis=-1)


def decibel(power):
    return 10 * np.log10(np.nanmedian(power, axis=0))


def test_delta_deepens_with_sleep(spectra):
    delta = decibel(band(spectra, 0.5, 4))
    assert delta[N3] > delta[N2] + 2
    assert delta[N2] > delta[WAKE] + 2
    assert delta[N2] > delta[REM] + 2


def test_sigma_is_highest_in_n2_against_its_neighbours(spectra):
    sides = (band(spectra, 9, 11) + band(spectra, 16, 19)) / 2
    sigma = decibel(band(spectra, 12, 15) / sides)
    assert sigma[N2] > sigma[[WAKE, N1, REM]].max()


def test_alpha_is_a_trait_of_wakefulness(spectra):
    sides = (band(spectra, 4, 6) + band(spectra, 14, 16)) / 2
    alpha = 10 * np.log10(band(spectra, 8, 11.5) / sides)
    assert np.nanmedian(alpha[:, WAKE]) > np.nanmedian(alpha[:, N2])
    assert np.ptp(alpha[:, WAKE]) > 4  # some subjects have almost none


@pytest.mark.parametrize(
    ("channel", "levels"),
    [
        ("Fpz-Cz", {N2: [16, 2, -10], N3: [22, 3, -10], REM: [13, -1, -9]}),
        ("Pz-Oz", {N2: [10, -1, -14], N3: [16, -1, -15], REM: [7, -2, -14]}),
    ],
)
def test_spectrum_falls_as_in_real_sleep(channel, levels):
    """Decibels above 1 uV**2 / Hz at 2, 10 and 25 Hz, those of one real night."""
    subjects = []
    for number in range(6):
        seed = NightSeed(0, number, 1, N_EPOCHS, site=Site(eeg=channel))
        _, power = welch(simulate(seed, "eeg"), 100, nperseg=400)
        subjects.append(by_stage(power[:, [8, 40, 100]], draw_night(seed).hypnogram))
    found = decibel(np.array(subjects))
    for stage, level in levels.items():
        np.testing.assert_allclose(found[stage], level, atol=3)


def test_amplitudes_are_microvolts(eeg):
    stds = np.array(
        [
            by_stage(epochs.std(axis=1), draw_night(seed).hypnogram)
            for seed, epochs in zip(SEEDS, eeg, strict=True)
        ]
    )
    typical = np.nanmedian(stds, axis=0)
    assert (typical > 6).all()
    assert (typical < 60).all()
    assert typical.argmax() == N3


def test_emg_tone_is_lowest_in_rem_sleep():
    tone = np.nanmedian(
        [
            np.log(by_stage(simulate(s, "emg").std(axis=1), draw_night(s).hypnogram))
            for s in SEEDS
        ],
        axis=0,
    )
    assert tone.argmin() == REM
    assert tone.argmax() == WAKE


def test_eyes_move_in_wakefulness_and_rem_sleep_and_roll_in_n1():
    subjects = []
    for seed in SEEDS:
        freqs, power = welch(simulate(seed, "eog", 0.0), 100, nperseg=1000)
        slow = power[:, (freqs > 0.1) & (freqs < 0.5)].mean(axis=1)
        fast = power[:, (freqs > 2) & (freqs < 4)].mean(axis=1)
        subjects.append(by_stage(np.log(slow / fast), draw_night(seed).hypnogram))
    rolling = np.nanmedian(subjects, axis=0)
    assert rolling[N1] > rolling[[N2, N3]].max() + 0.5
    assert rolling[REM] > rolling[[N2, N3]].max()


def test_the_eeg_leaks_into_the_eog():
    seed = SEEDS[0]
    deep = draw_night(seed).hypnogram == N3
    eeg, eog = (simulate(seed, name, 0.0)[deep].ravel() for name in ("eeg", "eog"))
    assert np.corrcoef(eeg, eog)[0, 1] > 0.5


def beats(ecg):
    peaks, _ = find_peaks(ecg, height=0.5 * np.percentile(ecg, 99.5), distance=60)
    return np.diff(peaks) / 200


def test_heart_beats_slowest_in_n3_and_varies_most_in_rem_and_wake():
    rates, swings = [], []
    for seed in SEEDS:
        hypnogram = draw_night(seed).hypnogram
        intervals = [beats(epoch) for epoch in simulate(seed, "ecg", 0.0)]
        mean = np.array([i.mean() for i in intervals])
        rates.append(by_stage(60 / mean, hypnogram))
        spread = np.array([i.std() for i in intervals])
        swings.append(by_stage(spread / mean, hypnogram))
    rate, swing = np.nanmedian(rates, axis=0), np.nanmedian(swings, axis=0)
    assert rate.argmin() == N3
    assert rate.argmax() == WAKE
    assert 40 < np.nanmin(rates) < np.nanmax(rates) < 100
    assert 0.01 < swing.min() < swing.max() < 0.15
    assert min(swing[WAKE], swing[REM]) > swing[N3]


def test_a_modality_cannot_be_had_without_a_copy():
    with pytest.raises(ValueError, match="without a copy"):
        np.array(SimulatedArray(NightSeed(0, 1, 1, 1), "emg", 1.0), copy=False)
