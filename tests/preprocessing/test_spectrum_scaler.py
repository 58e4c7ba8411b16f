"""SpectrumScaler: a mean and SD for every bin of every channel."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import EdgeTrimmer, SpectrumScaler, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal


def spectra(n_epochs=5, n_channels=2, n_frames=7, n_bins=6, seed=0):
    rng = np.random.default_rng(seed)
    level = np.arange(n_channels * n_bins).reshape(n_channels, 1, n_bins)
    shape = (n_epochs, n_channels, n_frames, n_bins)
    return (10 * level + (1 + level) * rng.normal(1, 3, shape)).astype(np.float32)


def night(id, eeg, valid=None):
    signals = {"eeg": Signal(eeg, valid=valid)}
    return Recording(id=id, subject=id, signals=signals)


@pytest.fixture
def X():
    return EpochArray([night("a", spectra()), night("b", spectra(8, seed=1) + 40)])


def test_every_bin_of_every_channel_over_all_training_frames(X):
    scaler = SpectrumScaler().fit(X)
    everything = X.epochs("eeg").astype(float)
    found = scaler.scaling_["eeg"]
    np.testing.assert_allclose(found.center, everything.mean(axis=(0, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.scale, everything.std(axis=(0, 2)), rtol=1e-6)
    scaled = scaler.transform(X).epochs("eeg")
    np.testing.assert_allclose(scaled.mean(axis=(0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=(0, 2)), 1, rtol=1e-5)


def test_only_training_rows_count(X):
    rows = np.array([0, 3, 6, 12])
    scaler = SpectrumScaler().fit(X[rows].with_train_mask(rows != 6))
    used = X.epochs("eeg")[[0, 3, 12]].astype(float)
    np.testing.assert_allclose(
        scaler.scaling_["eeg"].center, used.mean(axis=(0, 2)), rtol=1e-6
    )


def test_masked_wake_does_not_count():
    eeg = spectra(9)
    y = np.array([0, 0, 0, 2, 2, 0, 0, 0, 0])
    marked = EdgeTrimmer("margin", margin=0.0).fit_transform(
        EpochArray([night("a", eeg)]), y
    )
    scaler = SpectrumScaler().fit(marked)
    np.testing.assert_allclose(
        scaler.scaling_["eeg"].center, eeg[3:5].mean(axis=(0, 2)), rtol=1e-5
    )


def test_invalid_epochs_and_nan_do_not_count():
    eeg = spectra(5)
    eeg[1] = 1e6
    eeg[2, 0, 3, 4] = np.nan
    X = EpochArray([night("a", eeg, valid=[True, False, True, True, True])])
    kept = eeg[[0, 2, 3, 4]].astype(float)
    for per in ("training", "recording"):
        scaled = SpectrumScaler(per).fit_transform(X).epochs("eeg")[[0, 2, 3, 4]]
        expected = kept - np.nanmean(kept, axis=(0, 2), keepdims=True)
        expected /= np.nanstd(kept, axis=(0, 2), keepdims=True)
        np.testing.assert_allclose(
            scaled, np.nan_to_num(expected), rtol=1e-4, atol=1e-5
        )


def test_per_recording(X):
    scaler = SpectrumScaler("recording").fit(X)
    scaled = scaler.transform(X)
    for recording in scaled.recordings:
        data = recording.signals["eeg"].data
        np.testing.assert_allclose(data.mean(axis=(0, 2)), 0, atol=1e-5)
        np.testing.assert_allclose(data.std(axis=(0, 2)), 1, rtol=1e-5)
    assert not hasattr(scaler, "scaling_")


def test_bins_that_are_not_there_become_the_mean():
    """Recordings of 50 Hz have no bins above 25: 0 is the mean after scaling."""
    slow, fast = spectra(), spectra(seed=1)
    slow[..., 4:] = np.nan
    X = EpochArray([night("slow", slow), night("fast", fast)])
    scaler = SpectrumScaler().fit(X)
    np.testing.assert_allclose(
        scaler.scaling_["eeg"].center[:, 4:], fast.mean(axis=(0, 2))[:, 4:], rtol=1e-5
    )
    scaled = scaler.transform(X).epochs("eeg")
    assert (scaled[:5, ..., 4:] == 0).all()
    assert np.isfinite(scaled).all()


def test_bins_that_training_never_had_become_the_mean():
    slow, fast = spectra(), spectra(seed=1)
    slow[..., 4:] = np.nan
    scaler = SpectrumScaler().fit(EpochArray([night("slow", slow)]))
    scaled = scaler.transform(EpochArray([night("fast", fast)])).epochs("eeg")
    assert (scaled[..., 4:] == 0).all()
    assert (scaled[..., :4] != 0).all()


def test_missing_frames_stay_missing():
    eeg = spectra()
    eeg[1, 0, 2] = np.nan
    eeg[3] = np.nan
    scaled = SpectrumScaler().fit_transform(EpochArray([night("a", eeg)])).epochs("eeg")
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(eeg))


def test_after_the_stft(make_night):
    """Bins above the bandwidth of the EOG (25 Hz) are 0, all else has SD 1."""
    X = EpochArray([make_night(seed=0), make_night(seed=1)])
    slow = [
        r.with_signals({**r.signals, "eeg": r.signals["eeg"].replace(bandwidth=25.0)})
        for r in X.recordings
    ]
    X = STFTEpocher().fit_transform(EpochArray(slow).select("eeg"))
    scaled = SpectrumScaler().fit_transform(X).epochs("eeg")
    assert np.isfinite(scaled).all()
    assert (scaled[..., 64:] == 0).all()
    np.testing.assert_allclose(scaled[..., :63].std(axis=(0, 2)), 1, rtol=1e-4)


@pytest.mark.parametrize("shape", [(40, 2, 5, 3), (40, 5, 3), (40, 3)])
def test_arrays_of_spectra_and_features(shape):
    X = np.random.default_rng(0).normal(7, 3, shape)
    scaler = SpectrumScaler().fit(X)
    scaled = scaler.transform(X)
    axes = {4: (0, 2), 3: (0, 1), 2: (0,)}[len(shape)]
    np.testing.assert_allclose(scaled.mean(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=axes), 1)
    assert scaled.shape == shape


def test_features_that_are_missing_stay_missing():
    X = np.random.default_rng(0).normal(7, 3, (10, 3))
    X[2, 1] = np.nan
    scaled = SpectrumScaler().fit_transform(X)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))


def test_features_of_nights():
    X = EpochArray.from_arrays(np.random.default_rng(0).normal(7, 3, (10, 3)))
    scaled = np.asarray(SpectrumScaler().fit_transform(X))
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)


def test_arrays_per_recording():
    X = spectra().astype(float)
    scaled = SpectrumScaler("recording").fit_transform(X)
    np.testing.assert_allclose(scaled.std(axis=2), 1)
    with pytest.raises(ValueError, match="needs spectra or an EpochArray"):
        SpectrumScaler("recording").fit(X[:, 0, 0])


def test_continuous_signals_are_refused(make_night):
    with pytest.raises(RecordingError, match="SpectrumScaler needs spectra or feat"):
        SpectrumScaler().fit(EpochArray([make_night()]))


def test_bad_arrays_and_parameters():
    with pytest.raises(ValueError, match=r"got \(2, 1, 1, 1, 1\)"):
        SpectrumScaler().fit(np.zeros((2, 1, 1, 1, 1)))
    with pytest.raises(ValueError, match="'per' parameter of SpectrumScaler"):
        SpectrumScaler("night").fit(np.zeros((2, 3)))
    fitted = SpectrumScaler().fit(spectra())
    with pytest.raises(ValueError, match=r"of shape \(2, 6\); got \(2, 5\)"):
        fitted.transform(spectra(n_bins=5))
