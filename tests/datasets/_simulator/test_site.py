"""Site: what each habit of a laboratory changes in simulated nights, and its errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from sleepkit.datasets import Site, make_polysomnography

W, N1, N2, N3, REM = range(5)
RECORDING = {
    "eeg": "Fpz-Cz",
    "eog": "E1-E2",
    "sfreq": 128,
    "highpass": 1.0,
    "lowpass": 22.0,
    "mains": 60.0,
    "gain": 0.5,
    "tilt": -2.0,
    "noise_floor": 2.0,
}


def simulate(modality="eeg", *, hours=2, subjects=1, noise=1.0, **site):
    """Epochs of one modality of a site's subjects, and their stages."""
    X, y, _ = make_polysomnography(
        subjects,
        hours=hours,
        modalities=modality,
        noise=noise,
        site=Site(**site),
        random_state=0,
    )
    return X.epochs(modality)[:, 0], y


def stages(**site):
    """Stages of eight nights; no signal is computed."""
    X, y, _ = make_polysomnography(8, site=Site(**site), random_state=0)
    return y.reshape(len(X.recordings), -1)


def share(hypnograms, stage):
    """Share of a stage in sleep."""
    return np.mean(hypnograms[hypnograms != W] == stage)


def decibel(x, sfreq, low, high):
    """Mean power of a band in dB."""
    freqs, power = welch(x.ravel(), sfreq, nperseg=4 * sfreq)
    return 10 * np.log10(power[(freqs >= low) & (freqs < high)].mean())


def test_the_default_site_is_the_ordinary_laboratory():
    plain, y, _ = make_polysomnography(1, hours=0.2, modalities="eeg", random_state=0)
    same, y_same = simulate(hours=0.2)
    np.testing.assert_array_equal(plain.epochs("eeg")[:, 0], same)
    np.testing.assert_array_equal(y, y_same)


@pytest.mark.parametrize("sfreq", [50, 128, 256])
@pytest.mark.parametrize("modality", ["eeg", "eog", "emg"])
def test_rate(sfreq, modality):
    x, _ = simulate(modality, hours=0.2, sfreq=sfreq, noise=0)
    assert x.shape == (24, 30 * sfreq)
    reference, _ = simulate(modality, hours=0.2, noise=0)
    for band in ((1, 5), (5, 15)) if modality != "emg" else ((14, 22),):
        level = decibel(reference, 100, *band)
        assert decibel(x, sfreq, *band) == pytest.approx(level, abs=1.5)


def test_another_rate_is_the_same_eeg():
    x, _ = simulate(hours=0.2, noise=0)
    finer, _ = simulate(hours=0.2, noise=0, sfreq=200)
    a, b = x.ravel()[500:-500], finer.ravel()[::2][500:-500]
    assert np.corrcoef(a, b)[0, 1] > 0.99


@pytest.mark.parametrize("modality", ["eeg", "eog"])
def test_pass_band_shows_in_the_spectrum(modality):
    wide, _ = simulate(modality, sfreq=200, lowpass=100, highpass=0)
    narrow, _ = simulate(modality, sfreq=200, lowpass=15, highpass=1)
    inside = decibel(wide, 200, 3, 10) - decibel(narrow, 200, 3, 10)
    assert inside == pytest.approx(0, abs=1)
    for edges in ((0, 0.3), (28, 40)):
        assert decibel(wide, 200, *edges) - decibel(narrow, 200, *edges) > 12


def test_derivations_differ_in_amplitude():
    sizes = {
        eeg: simulate(eeg=eeg)[0].std(axis=1)
        for eeg in ("Cz-A1", "C4-M1", "Fpz-Cz", "Pz-Oz")
    }
    median = {eeg: np.median(size) for eeg, size in sizes.items()}
    assert median["Cz-A1"] > median["C4-M1"] > 1.3 * median["Pz-Oz"]
    assert median["Fpz-Cz"] > 1.3 * median["Pz-Oz"]


def test_alpha_of_wakefulness_is_occipital():
    alpha = {}
    for eeg in ("Fpz-Cz", "O1-M2"):
        x, y = simulate(eeg=eeg, subjects=4, hours=1, wake=3)
        awake = x[y == W]
        alpha[eeg] = decibel(awake, 100, 8, 11) - decibel(awake, 100, 5, 7)
    assert alpha["O1-M2"] > alpha["Fpz-Cz"] + 2


def test_the_eeg_leaks_less_into_both_eyes_at_once():
    eeg, _ = simulate(noise=0)
    leak = [
        abs(
            np.corrcoef(eeg.ravel(), simulate("eog", noise=0, eog=eog)[0].ravel())[0, 1]
        )
        for eog in ("E1-M2", "E1-E2")
    ]
    assert leak[1] < 0.6 * leak[0]


@pytest.mark.parametrize("modality", ["eeg", "eog", "emg"])
def test_gain_scales_the_body(modality):
    x, _ = simulate(modality, hours=0.2, noise=0)
    half, _ = simulate(modality, hours=0.2, noise=0, gain=0.5)
    np.testing.assert_allclose(half, x / 2, atol=1e-3)


def test_tilt_turns_the_spectrum_about_ten_hertz():
    plain, _ = simulate(noise=0)
    tilted, _ = simulate(noise=0, tilt=-3.0)
    change = [
        decibel(tilted, 100, f - 1, f + 1) - decibel(plain, 100, f - 1, f + 1)
        for f in (5, 10, 20)
    ]
    np.testing.assert_allclose(change, [3, 0, -3], atol=1)


def test_noise_floor_and_mains():
    quiet, _ = simulate(sfreq=256, noise_floor=0.1, lowpass=100, mains=60)
    noisy, _ = simulate(sfreq=256, noise_floor=3.0, lowpass=100, mains=60)
    assert decibel(noisy, 256, 80, 100) > decibel(quiet, 256, 80, 100) + 10
    assert decibel(quiet, 256, 59, 61) > decibel(quiet, 256, 49, 51) + 10


def test_how_a_site_records_leaves_the_sleep_as_it_was():
    np.testing.assert_array_equal(stages(), stages(**RECORDING))


def test_how_a_site_scores_leaves_the_signals_as_they_were():
    x, y = simulate(hours=1)
    same, other = simulate(hours=1, n3_threshold=0.05, rules="R&K", border_noise=0.5)
    np.testing.assert_array_equal(x, same)
    assert (y != other).any()


def test_demanding_scorers_find_less_n3():
    shares = [share(stages(n3_threshold=bar), N3) for bar in (0.1, 0.2, 0.4)]
    assert shares[0] > 1.1 * shares[1] > 1.2 * shares[2] > 0


def test_older_rules_find_less_n1():
    aasm, rk = stages(), stages(rules="R&K")
    assert share(rk, N1) < 0.95 * share(aasm, N1)
    changed = aasm != rk
    assert set(aasm[changed]) == {N1}
    assert set(rk[changed]) == {N2}


def test_border_noise_moves_borders_only():
    clear, blurred = stages(), stages(border_noise=0.5)
    changed = clear != blurred
    beside = np.zeros_like(changed)
    beside[:, 1:] |= np.diff(clear, axis=1) != 0
    beside[:, :-1] |= np.diff(clear, axis=1) != 0
    assert 0.02 < changed.mean() < 0.2
    assert not (changed & ~beside).any()


def test_age_takes_deep_sleep_and_slow_waves():
    young, old = {"age": (18, 25)}, {"age": (70, 80)}
    assert share(stages(**old), N3) < 0.75 * share(stages(**young), N3)
    x, y = simulate(subjects=4, hours=2, **young)
    x_old, y_old = simulate(subjects=4, hours=2, **old)
    deep, deep_old = x[y == N3].std(axis=1), x_old[y_old == N3].std(axis=1)
    assert np.median(deep_old) < 0.85 * np.median(deep)


def test_sleep_may_be_broken_light_or_short():
    plain = stages()
    assert share(stages(deep_sleep=0.1), N3) < 0.4 * share(plain, N3)
    assert np.mean(stages(wake=3.0) == W) > 1.3 * np.mean(plain == W)
    broken = stages(fragmentation=3.0)
    changes = [(np.diff(h, axis=1) != 0).mean() for h in (broken, plain)]
    assert changes[0] > 1.2 * changes[1]


def test_arousals_raise_the_muscle_tone_of_sleep():
    x, y = simulate("emg", subjects=4, arousals=0.0)
    aroused, y_aroused = simulate("emg", subjects=4, arousals=4.0)

    def bursts(x, y):
        return np.mean(np.ptp(x[y != W], axis=1) / x[y != W].std(axis=1))

    assert bursts(aroused, y_aroused) > bursts(x, y)


def test_spread_makes_subjects_differ():
    def levels(spread):
        X, _, groups = make_polysomnography(
            8, hours=0.5, modalities="eeg", site=Site(spread=spread), random_state=0
        )
        x = X.epochs("eeg")[:, 0]
        return [decibel(x[groups == g], 100, 5, 12) for g in np.unique(groups)]

    assert np.std(levels(3.0)) > 1.5 * np.std(levels(1.0))


def test_varied_subjects_come_from_sites_of_their_own():
    X, _, _ = make_polysomnography(30, hours=0.1, site="varied", random_state=0)
    eeg = [recording.signals["eeg"] for recording in X.recordings]
    assert len({signal.ch_names for signal in eeg}) > 5
    assert len({signal.sfreq for signal in eeg}) > 3
    few, _, _ = make_polysomnography(
        2, hours=0.1, site="varied", modalities="eeg", random_state=0
    )
    for night, same in zip(few.recordings, X.recordings[:2], strict=True):
        np.testing.assert_array_equal(
            night.signals["eeg"].data, same.signals["eeg"].data
        )


def test_nights_of_a_varied_subject_share_the_site():
    X, _, _ = make_polysomnography(
        5, nights=2, hours=0.1, site="varied", random_state=1
    )
    names = [recording.signals["eeg"].ch_names for recording in X.recordings]
    assert names[::2] == names[1::2]


def test_lengths_lie_in_their_range():
    X, _, _ = make_polysomnography(60, hours=(0.25, 4), random_state=0)
    hours = [recording.n_epochs / 120 for recording in X.recordings]
    assert 0.25 <= min(hours) < 0.4
    assert 2.5 < max(hours) <= 4
    assert 0.7 < np.median(hours) < 1.5  # that of equal chances is 2.1


def test_stretches_start_anywhere_in_a_night():
    X, _, _ = make_polysomnography(60, hours=0.5, within=8, random_state=0)
    first = [recording.hypnogram[0] for recording in X.recordings]
    assert set(first) >= {W, N2, N3, REM}
    assert X.recordings[0].lights_off is None
    assert X.recordings[0].lights_on is None
    few = [len(set(recording.hypnogram)) <= 2 for recording in X.recordings]
    assert np.mean(few) > 0.05  # as half hours of a night are


def test_a_night_within_itself_is_whole():
    whole, y, _ = make_polysomnography(1, hours=1, modalities="emg", random_state=0)
    same, y_same, _ = make_polysomnography(
        1, hours=1, within=1, modalities="emg", random_state=0
    )
    np.testing.assert_array_equal(y, y_same)
    np.testing.assert_array_equal(whole.epochs("emg"), same.epochs("emg"))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"eeg": "T3-T4"}, r"'eeg'.*'Fpz-Cz'.*Got 'T3-T4'"),
        ({"eog": "left"}, r"'eog'.*'E1-M2'.*Got 'left'"),
        ({"sfreq": 49}, r"'sfreq'.*>= 50.*Got 49"),
        ({"sfreq": 99.5}, r"'sfreq'.*whole number.*Got 99.5"),
        ({"highpass": 40}, r"'highpass'.*below 'lowpass'.*Got 40"),
        ({"lowpass": 0}, r"'lowpass'.*> 0.*Got 0"),
        ({"gain": 0}, r"'gain'.*> 0.*Got 0"),
        ({"tilt": 7}, r"'tilt'.*-6 to 6.*Got 7"),
        ({"age": (5, 30)}, r"'age'.*18 to 95.*Got \(5, 30\)"),
        ({"age": 50}, r"'age'.*18 to 95.*Got 50"),
        ({"spread": -1}, r"'spread'.*>= 0.*Got -1"),
        ({"n3_threshold": 1.0}, r"'n3_threshold'.*below 1.*Got 1.0"),
        ({"rules": "RK"}, r"'rules'.*'AASM'.*Got 'RK'"),
        ({"border_noise": 1.1}, r"'border_noise'.*0 to 1.*Got 1.1"),
    ],
)
def test_bad_sites_are_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        Site(**parameters)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"site": "random"}, r"'site'.*'varied'.*Got 'random'"),
        ({"hours": (2, 1)}, r"'hours'.*shortest.*Got \(2, 1\)"),
        ({"hours": (1, 2, 3)}, r"'hours'.*pair.*Got \(1, 2, 3\)"),
        ({"hours": (0, 1)}, r"'hours'.*> 0.*Got 0"),
        ({"hours": 2, "within": 1}, r"'within'.*longest recording.*Got 1"),
        ({"within": 0}, r"'within'.*> 0.*Got 0"),
    ],
)
def test_bad_cohorts_are_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        make_polysomnography(1, **{"hours": 0.1, **parameters})
