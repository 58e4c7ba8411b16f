"""QualityMask marks the bad epochs of each modality."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import QualityMask, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ = 100


def noise(n_channels=1, n_epochs=20, sd=15.0, seed=0, sfreq=SFREQ):
    """Make samples of epochs whose power falls with frequency, as that of EEG does.

    Their shape is (n_channels, n_epochs, n_times).
    """
    rng = np.random.default_rng(seed)
    shape = (n_channels, n_epochs, round(30 * sfreq))
    spectrum = np.fft.rfft(rng.standard_normal(shape))
    cycles = np.arange(spectrum.shape[-1])
    spectrum *= np.where(cycles < 6, 0, 1 / np.maximum(cycles, 1))
    samples = np.fft.irfft(spectrum, n=shape[-1])
    return sd * samples / samples.std(axis=-1, keepdims=True)


def white(sd=30.0, seed=0):
    """Make an epoch of white noise."""
    return np.random.default_rng(seed).normal(0, sd, 30 * SFREQ)


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
    eeg[1, 5] = eeg[1, 5].clip(-10, 10)
    eeg[1, 7, 100] = np.nan
    eog[0, 9] *= 30
    eog[0, 11] = white()
    assert masks(night(eeg=eeg, eog=eog)) == {"eeg": [3, 5, 7], "eog": [9, 11]}


def test_noise_that_fills_the_night():
    eeg = noise()
    eeg[0, 2:] = [white(seed=seed) for seed in range(18)]
    assert masks(night(eeg=eeg, eog=noise())) == {"eeg": [*range(2, 20)], "eog": []}


def test_rare_stages_are_no_fault():
    """As 36 epochs of N3 before 14 quiet ones, each judged alone."""
    eeg = np.concatenate([noise(n_epochs=36, sd=30), noise(n_epochs=14, sd=6)], axis=1)
    assert masks(night(eeg=eeg)) == {"eeg": []}


def test_the_verdict_does_not_depend_on_the_night():
    eeg = noise()
    eeg[0, 3], eeg[0, 5], eeg[0, 7] = 0, white(), 30 * eeg[0, 7]
    assert masks(night(eeg=eeg)) == {"eeg": [3, 5, 7]}
    assert masks(night(eeg=eeg[:, ::-1])) == {"eeg": [12, 14, 16]}
    for epoch in range(8):
        alone = masks(night(eeg=eeg[:, epoch : epoch + 1]))
        assert alone == {"eeg": [0] if epoch in (3, 5, 7) else []}


def test_any_or_all_channels():
    eeg = noise(2)
    eeg[0, 3] = 0.0
    eeg[:, 4] = 0.0
    assert masks(night(eeg=eeg)) == {"eeg": [3, 4]}
    assert masks(night(eeg=eeg), channels="all") == {"eeg": [4]}


def test_what_was_invalid_stays_so():
    eeg = noise()
    eeg[0, 15] *= 30
    valid = np.arange(20) >= 9
    assert masks(night(eeg=eeg, valid=valid)) == {"eeg": [*range(9), 15]}


def test_the_report_gives_reasons():
    eeg = noise(2)
    eeg[0, 3] = 0.0
    eeg[1, 5] = white()
    eeg[1, 7, 100] = np.nan
    valid = np.arange(20) != 9
    report = QualityMask().report(night(eeg=eeg, resp=eeg, valid=valid))
    assert list(report) == ["eeg"]
    flags = report["eeg"]
    expected = np.full((2, 20), "", object)
    expected[0, 3], expected[1, 5], expected[1, 7] = "flat", "noisy", "missing"
    expected[:, 9] = "missing"
    assert flags.reasons.tolist() == expected.tolist()
    assert np.isnan(flags.sd[:, 9]).all()
    np.testing.assert_array_equal(flags.bad, expected != "")


def test_samples_stay():
    eeg = noise()
    eeg[0, 3] = 0.0
    X = EpochArray([night(eeg=eeg)])
    marked = QualityMask().fit_transform(X)
    before, after = (v.recordings[0].signals["eeg"].data for v in (X, marked))
    np.testing.assert_array_equal(after, before)
    assert np.isnan(marked.epochs("eeg")[3]).all()


def test_limits_are_those_of_the_modality_with_changes():
    epochs = noise()
    epochs[0, 4] = 20 * epochs[0, 4]
    epochs[0, 6] = white(20)
    recording = night(eeg=epochs, emg=epochs)
    assert masks(recording) == {"eeg": [4, 6], "emg": [4]}
    loud = {"max_rms": 1e4, "max_jump": None}
    changed = masks(recording, limits={"eeg": {**loud, "max_fast": None}})
    assert changed == {"eeg": [6], "emg": [4]}
    changed = masks(recording, limits={"emg": loud, "eeg": {"min_rms": 1e4}})
    assert changed == {"eeg": [*range(20)], "emg": []}


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
    X[4, 0] = white()
    mask = QualityMask(modalities={"eog": [2], "eeg": [0, 1]})
    bad = np.isnan(mask.fit_transform(X)).all(axis=2)
    expected = np.zeros((6, 3), bool)
    expected[2, [0, 1]] = expected[3, 2] = True
    np.testing.assert_array_equal(bad, expected)
    mask.set_params(sfreq=SFREQ)  # now their spectra are known
    expected[4, [0, 1]] = True
    bad = np.isnan(mask.fit_transform(X)).all(axis=2)
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
        ({"limits": {"eeg": {"max_z": 5}}}, r"\['eeg'\] .* max_jump. Got 'max_z'"),
        ({"limits": {"eeg": {"max_rms": "x"}}}, "number or None as 'max_rms'. Got 'x'"),
        ({"limits": {"eeg": {"max_rms": np.nan}}}, "number or None as 'max_rms'"),
        ({"limits": {"eeg": {"min_range": None}}}, "number as 'min_range'. Got None"),
        ({"limits": {"EEG": {}}}, r"'limits' parameter .*'only'.*'EEG'"),
        ({"limits": {"eeg": 5}}, r"limits\['eeg'\].* mapping"),
        ({"limits": 5}, "'limits' parameter .* mapping"),
        ({"sfreq": 0}, "'sfreq' parameter of QualityMask"),
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
