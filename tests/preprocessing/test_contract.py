"""What every transformer promises for nights and for arrays of any dimension."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sleepkit.preprocessing import Cache, DomainRandomizer, EdgeTrimmer, STFTEpocher
from sleepkit.recording import EpochArray
from tests.estimators import NIGHT_TRANSFORMERS, SIGNAL_TRANSFORMERS

TRAINING_ONLY = (DomainRandomizer, EdgeTrimmer)  # their `transform` adds no step
steps = pytest.mark.parametrize("step", NIGHT_TRANSFORMERS, ids=repr)


@pytest.fixture(scope="module")
def nights(make_night):
    """Three nights: one complete, one without EOG, one with a gap and a bad epoch."""
    complete = make_night(seed=0)
    blind = make_night(seed=1, modalities=("eeg",))
    broken = make_night(seed=2)
    eeg = broken.signals["eeg"]
    data = eeg.data.copy()
    data[:, 2950:3100] = np.nan
    eeg = eeg.replace(data=data, valid=[True, True, True, False])
    broken = broken.with_signals({**broken.signals, "eeg": eeg})
    return EpochArray([complete, blind, broken])


@pytest.fixture(scope="module")
def arrays():
    """Epochs of two channels; the second is missing in one row, the first has a gap."""
    X = 20 * np.random.default_rng(0).standard_normal((6, 2, 400))
    X[2, 1] = np.nan
    X[4, 0, 100:150] = np.nan
    return X


def values(X):
    """All values and masks of a view, by modality."""
    return {name: X.epochs(name) for name in X.modalities}


def assert_same(a, b):
    np.testing.assert_array_equal(a.epoch, b.epoch)
    np.testing.assert_array_equal(a.recording, b.recording)
    np.testing.assert_array_equal(a.train_mask, b.train_mask)
    assert a.modalities == b.modalities
    for name, expected in values(a).items():
        np.testing.assert_array_equal(b.epochs(name), expected)


@steps
def test_rows_and_names_are_kept(step, nights):
    out = clone(step).fit(nights, nights.hypnogram).transform(nights)
    assert len(out) == len(nights)
    np.testing.assert_array_equal(out.epoch, nights.epoch)
    np.testing.assert_array_equal(out.recording, nights.recording)
    np.testing.assert_array_equal(out.subject, nights.subject)
    np.testing.assert_array_equal(out.train_mask, nights.train_mask)


@steps
def test_nights_are_computed_lazily_and_unchanged(step, nights):
    before = values(nights)
    out = clone(step).fit(nights, nights.hypnogram).transform(nights)
    if not isinstance(step, TRAINING_ONLY):
        assert not any(recording.is_computed for recording in out.recordings)
    values(out)
    for name, expected in values(nights).items():
        np.testing.assert_array_equal(before[name], expected)


@steps
def test_rows_depend_on_their_recording_only(step, nights):
    """Shuffled, repeated and left-out rows get the values they have in order."""
    fitted = clone(step).fit(nights, nights.hypnogram)
    rows = np.array([7, 2, 2, 11, 0, 9])
    assert_same(fitted.transform(nights)[rows], fitted.transform(nights[rows]))


@steps
def test_missing_modalities_stay_missing(step, nights):
    out = clone(step).fit(nights, nights.hypnogram).transform(nights)
    blind = nights.recording == "night1"
    assert np.isnan(out.epochs("eog")[blind]).all()
    assert not out.valid["eog"][blind].any()
    alone = clone(step).fit(nights.drop("eog"), nights.hypnogram)
    assert len(alone.transform(nights.drop("eog"))) == len(nights)


@steps
def test_invalid_epochs_stay_invalid(step, nights):
    out = clone(step).fit(nights, nights.hypnogram).transform(nights)
    assert not out.valid["eeg"][-1]
    assert np.isnan(out.epochs("eeg")[-1]).all()


@steps
def test_a_signal_and_its_mask_may_outlast_the_night(step, make_night):
    night = make_night(4)
    longer = make_night(5).signals["eeg"].replace(valid=[True, False, True, True, True])
    X = EpochArray(night.with_signals({**night.signals, "eeg": longer}))
    out = clone(step).fit(X, X.hypnogram).transform(X)
    known = np.isfinite(out.epochs("eeg").reshape(4, -1)).any(axis=1)
    assert known.tolist() == [True, False, True, True]


@steps
def test_recordings_are_accepted(step, nights):
    fitted = clone(step).fit(nights, nights.hypnogram)
    recordings = list(nights.recordings)
    assert_same(fitted.transform(nights), fitted.transform(recordings))
    assert_same(fitted.transform(nights[:4]), fitted.transform(recordings[0]))


@steps
def test_pickled_and_cloned(step, nights):
    fitted = clone(step).fit(nights, nights.hypnogram)
    again = pickle.loads(pickle.dumps(fitted))
    assert_same(fitted.transform(nights), again.transform(nights))
    refitted = clone(fitted).fit(nights, nights.hypnogram)
    assert_same(fitted.transform(nights), refitted.transform(nights))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_agree(backend, nights):
    """One call for all steps: starting worker processes takes its time."""
    fitted = [clone(step).fit(nights, nights.hypnogram) for step in NIGHT_TRANSFORMERS]
    jobs = (delayed(values)(step.transform(nights)) for step in fitted)
    for step, found in zip(fitted, Parallel(2, backend=backend)(jobs), strict=True):
        for name, expected in values(step.transform(nights)).items():
            np.testing.assert_array_equal(found[name], expected)


@steps
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_keep_rows_and_type(step, arrays, dtype):
    out = clone(step).fit_transform(arrays.astype(dtype), np.arange(6) % 3)
    assert len(out) == len(arrays)
    assert out.dtype == dtype


@steps
def test_array_rows_stand_alone(step, arrays):
    fitted = clone(step).fit(arrays)
    rows = np.array([4, 1, 1, 5])
    whole, part = fitted.transform(arrays)[rows], fitted.transform(arrays[rows])
    np.testing.assert_allclose(part, whole, rtol=1e-6, atol=1e-9)


@steps
def test_missing_array_rows_stay_missing(step, arrays):
    out = clone(step).fit_transform(arrays)
    if out.ndim > 2:
        assert np.isnan(out[2, 1]).all()
        assert np.isfinite(out[2, 0]).all()


@steps
def test_two_dimensions_are_one_channel(step, arrays):
    one = clone(step).fit_transform(arrays[:, 0])
    same = clone(step).fit_transform(arrays[:, :1])
    np.testing.assert_allclose(one.ravel(), same.ravel(), rtol=1e-9)


@pytest.mark.parametrize("step", SIGNAL_TRANSFORMERS, ids=repr)
def test_spectra_are_no_signals(step, arrays):
    """A filter behind the STFT would silently run along the bins."""
    spectra = STFTEpocher(sfreq=100).fit_transform(arrays)
    if isinstance(step, EdgeTrimmer):
        assert clone(step).fit_transform(spectra).shape == spectra.shape
    else:
        with pytest.raises(ValueError, match=r"or \(n_epochs, n_channels, n_times\)"):
            clone(step).fit(spectra)


@steps
def test_read_only_memmaps(step, arrays, tmp_path):
    np.save(tmp_path / "x.npy", arrays)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    out = clone(step).fit_transform(mapped)
    np.testing.assert_array_equal(out, clone(step).fit_transform(arrays))
    np.testing.assert_array_equal(mapped, arrays)


@steps
def test_arrays_are_unchanged(step, arrays):
    before = arrays.copy()
    clone(step).fit_transform(arrays)
    np.testing.assert_array_equal(arrays, before)


@steps
def test_nights_from_a_store_are_like_nights_in_memory(step, nights, tmp_path):
    stored = nights.materialize(tmp_path)
    expected = clone(step).fit(nights, nights.hypnogram).transform(nights)
    found = clone(step).fit(stored, nights.hypnogram).transform(stored)
    assert_same(expected, found)


@steps
def test_a_cache_behind_a_step_changes_nothing(step, nights, tmp_path):
    cached = make_pipeline(clone(step), Cache(tmp_path))
    expected = clone(step).fit(nights, nights.hypnogram).transform(nights)
    assert_same(expected, cached.fit(nights, nights.hypnogram).transform(nights))
