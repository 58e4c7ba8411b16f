"""Resampler on nights and plain arrays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sleepkit.preprocessing import Resampler, STFTEpocher
from sleepkit.signal import resample


def test_brings_all_signals_to_one_rate(make_night):
    night = make_night(modalities=("eeg", "eog", "ecg"))  # 100, 50 and 200 Hz
    X = Resampler(100).fit_transform(night)
    assert np.asarray(X).shape == (4, 3, 3000)
    for name, signal in X.recordings[0].signals.items():
        before = night.signals[name]
        assert signal.sfreq == 100
        assert signal.ch_names == before.ch_names
        expected = resample(before.data, before.sfreq, 100)
        np.testing.assert_array_equal(signal.data, expected)


def test_bandwidth_remembers_the_lowest_rate(make_night):
    def bandwidths(X):
        return {n: s.bandwidth for n, s in X.recordings[0].signals.items()}

    night = make_night(modalities=("eeg", "eog", "ecg"))
    once = Resampler(100).fit_transform(night)
    assert bandwidths(once) == {"eeg": 50, "eog": 25, "ecg": 50}
    assert bandwidths(Resampler(40).fit_transform(once)) == dict.fromkeys(
        night.modalities, 20
    )
    assert bandwidths(Resampler(256).fit_transform(once)) == bandwidths(once)


@pytest.mark.parametrize("sfreq", [99.97, 102.4, 199.8049, 256])
def test_crooked_rates_keep_their_epochs(make_night, sfreq):
    X = Resampler(100).fit_transform(make_night(modalities=("eeg",), sfreq=sfreq))
    assert X.epochs("eeg").shape == (4, 1, 3000)


@pytest.mark.parametrize("target", [100, 200, 33.33])
def test_no_epoch_is_lost_to_rounding(make_night, target):
    """Half a sample is missing before, and another half is rounded away."""
    night = make_night(15, ("eeg",), sfreq=99.97)
    samples = Resampler(target).fit_transform(night).epochs("eeg")
    assert samples.shape == (15, 1, round(30 * target))
    assert np.isfinite(samples).all()


def test_epochs_and_masks_stay(make_night):
    night = make_night(modalities=("eog",))
    valid = np.array([True, False, True, True])
    eog = night.signals["eog"].replace(valid=valid)
    X = Resampler(100).fit_transform(night.with_signals({"eog": eog}))
    np.testing.assert_array_equal(X.valid["eog"], valid)
    assert np.isnan(X.epochs("eog")[1]).all()


def test_plain_arrays_and_missing_rows():
    x = np.random.default_rng(0).standard_normal((3, 2, 500))
    x[1, 0] = np.nan
    ours = Resampler(100, sfreq=125, modalities={"a": [1], "b": [0]}).fit_transform(x)
    assert ours.shape == (3, 2, 400)
    np.testing.assert_array_equal(ours, resample(x, 125, 100))
    assert np.isnan(ours[1, 0]).all()
    assert Resampler(50, sfreq=100).fit_transform(x[:, 0]).shape == (3, 250)


def test_clone_and_pickle(make_night):
    resampler = Resampler(64).fit(make_night())
    assert clone(resampler).get_params() == resampler.get_params()
    again = pickle.loads(pickle.dumps(resampler)).transform(make_night())
    assert again.epochs("eog").shape == (4, 1, 1920)


def test_bad_input_is_named(make_night):
    with pytest.raises(ValueError, match="'target_sfreq' parameter of Resampler"):
        Resampler(-1).fit(make_night())
    spectra = STFTEpocher().fit_transform(make_night(modalities=("eeg",)))
    with pytest.raises(ValueError, match="Resampler needs continuous signals"):
        Resampler(50).fit_transform(spectra).epochs("eeg")
