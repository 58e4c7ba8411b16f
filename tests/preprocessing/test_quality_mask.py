"""QualityMask marks the bad epochs of each modality."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import QualityMask, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ = 100


def noise(n_channels=1, n_epochs=20, sd=15.0, seed=0, sfreq=SFREQ):
    """Make samples of epochs, shape (n_channels, n_epochs, n_times)."""
    rng = np.random.default_rng(seed)
    strength = sd * np.exp(rng.normal(0, 0.2, (n_channels, n_epochs, 1)))
    return strength * rng.standard_normal((n_channels, n_epochs, round(30 * sfreq)))


def night(sfreq=SFREQ, valid=None, id="n", **epochs):
    signals = {
        name: Signal(e.reshape(len(e), -1), sfreq, valid=valid)
        for name, e in epochs.items()
    }
    return Recording(id=id, subject=id, signals=signals)


def masks(recording, **params):
    """Give the epochs that are marked in each modality."""
    X = EpochArray([recording])
    valid = QualityMask(**params).fit_transform(X).valid
    return {name: np.flatnonzero(~mask).tolist() for name, mask in valid.items()}


def test_every_fault_in_the_modality_that_has_it():
    eeg, eog = noise(2), noise(1, seed=1)
    eeg[0, 3] = 0.0
    eeg[1, 5] = eeg[1, 5].clip(-20, 20)
    eeg[1, 7, 100] = np.nan
    eog[0, 9] *= 30
    assert masks(night(eeg=eeg, eog=eog)) == {"eeg": [3, 5, 7], "eog": [9]}


def test_any_or_all_channels():
    eeg = noise(2)
    eeg[0, 3] = 0.0
    eeg[:, 4] = 0.0
    assert masks(night(eeg=eeg)) == {"eeg": [3, 4]}
    assert masks(night(eeg=eeg), channels="all") == {"eeg": [4]}


def test_what_was_invalid_stays_so_and_is_no_measure():
    eeg = noise()
    eeg[0, :9] *= 1000  # invalid: these must not shift what is usual
    eeg[0, 15] *= 30
    valid = np.arange(20) >= 9
    assert masks(night(eeg=eeg, valid=valid)) == {"eeg": [*range(9), 15]}


def test_samples_stay():
    eeg = noise()
    eeg[0, 3] = 0.0
    X = EpochArray([night(eeg=eeg)])
    marked = QualityMask().fit_transform(X)
    before, after = (v.recordings[0].signals["eeg"].data for v in (X, marked))
    np.testing.assert_array_equal(after, before)
    assert np.isnan(marked.epochs("eeg")[3]).all()


def test_thresholds_are_passed_on():
    eeg = noise()
    eeg[0, 3] /= 1000
    eeg[0, 4] *= 30
    eeg[0, 5] = eeg[0, 5].clip(-20, 20)
    eeg[0, 6, :1500] = eeg[0, 6, 0]
    off = {"min_range": 0, "max_repeated": 1, "max_clipped": 1, "max_z": None}
    recording = night(eeg=eeg)
    assert masks(recording, **off) == {"eeg": []}
    assert masks(recording, **{**off, "min_range": 1}) == {"eeg": [3]}
    assert masks(recording, **{**off, "max_z": 6}) == {"eeg": [3, 4]}
    assert masks(recording, **{**off, "max_clipped": 0.01}) == {"eeg": [5]}
    assert masks(recording, **{**off, "max_repeated": 0.4})["eeg"] == [6]


def test_a_rate_whose_epochs_are_no_whole_samples():
    sfreq = 99.97
    eeg = noise(n_epochs=21, sfreq=100).reshape(1, -1)
    starts = np.rint(np.arange(21) * 30 * sfreq).astype(int)
    eeg[0, starts[18] : starts[19]] = 0.0
    recording = Recording(id="n", subject="s", signals={"eeg": Signal(eeg, sfreq)})
    assert masks(recording) == {"eeg": [18]}


def test_plain_arrays_by_modality():
    X = noise(3, n_epochs=6).swapaxes(0, 1)
    X[2, 1] = 0.0
    X[3, 2] = 0.0
    X[4] *= 1000  # rows stand alone: none is outlying
    mask = QualityMask(modalities={"eog": [2], "eeg": [0, 1]})
    bad = np.isnan(mask.fit_transform(X)).all(axis=2)
    expected = np.zeros((6, 3), bool)
    expected[2, [0, 1]] = expected[3, 2] = True
    np.testing.assert_array_equal(bad, expected)


def test_only_what_electrodes_pick_up_is_judged():
    flat = np.zeros((1, 20, 3000))
    recording = night(eeg=flat, resp=flat)
    assert masks(recording) == {"eeg": list(range(20)), "resp": []}
    assert masks(recording, only=["resp"]) == {"eeg": [], "resp": list(range(20))}
    rows = QualityMask(modalities={"eeg": [0], "resp": [1]}).fit_transform(
        np.zeros((3, 2, 50))
    )
    np.testing.assert_array_equal(np.isnan(rows[:, :, 0]), [[True, False]] * 3)
    with pytest.raises(ValueError, match=r"'only' parameter.*'eeg', 'resp'.*\['emg'\]"):
        masks(recording, only=["emg"])


def test_epoched_signals_are_refused():
    X = STFTEpocher().fit_transform(EpochArray([night(eeg=noise())]))
    marked = QualityMask().fit_transform(X)
    with pytest.raises(RecordingError, match="QualityMask needs continuous signals"):
        marked.epochs("eeg")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"min_range": -1}, "'min_range' parameter of QualityMask"),
        ({"max_repeated": "x"}, "'max_repeated' parameter of QualityMask"),
        ({"max_z": 0}, "'max_z' parameter of QualityMask"),
        ({"channels": "most"}, "'channels' parameter of QualityMask"),
    ],
)
def test_bad_parameters(params, words):
    with pytest.raises(ValueError, match=words):
        QualityMask(**params).fit(np.zeros((3, 100)))


def test_bad_arrays():
    with pytest.raises(ValueError, match="QualityMask needs epochs of shape"):
        QualityMask().fit_transform(np.zeros((2, 1, 3, 4)))
    with pytest.raises(ValueError, match="'modalities' parameter of QualityMask"):
        QualityMask(modalities={"eeg": [3]}).fit(np.zeros((2, 3, 50)))
