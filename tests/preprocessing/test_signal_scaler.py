"""SignalScaler: statistics of recordings, or of training rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import SignalScaler, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal

IQR = 1.3489795003921634


def night(id, n_epochs=4, valid=None, **levels):
    """Make a night; `levels` gives offset and SD of the channels of a modality."""
    rng = np.random.default_rng(len(id) + n_epochs)
    signals = {
        name: Signal(
            [m + s * rng.standard_normal(n_epochs * 3000) for m, s in channels],
            100,
            valid=valid,
        )
        for name, channels in levels.items()
    }
    return Recording(id=id, subject=id, signals=signals)


@pytest.fixture
def X():
    loud = night("loud", 6, eeg=[(5, 90), (0, 20)], emg=[(1, 4)])
    return EpochArray([night("quiet", eeg=[(50, 10), (-3, 2)]), loud])


def test_every_recording_and_channel_by_itself(X):
    scaled = SignalScaler(robust=False).fit_transform(X)
    for recording in scaled.recordings:
        for signal in recording.signals.values():
            np.testing.assert_allclose(signal.data.mean(axis=1), 0, atol=1e-5)
            np.testing.assert_allclose(signal.data.std(axis=1), 1, rtol=1e-5)


def test_robust_statistics_withstand_artefacts(X):
    eeg = X.recordings[0].signals["eeg"]
    data = eeg.data.copy()
    data[:, 3000:4000] = 1e6
    X = EpochArray([X.recordings[0].with_signals({"eeg": eeg.replace(data=data)})])
    robust = SignalScaler().fit_transform(X).epochs("eeg")[2:]
    plain = SignalScaler(robust=False).fit_transform(X).epochs("eeg")[2:]
    np.testing.assert_allclose(robust.std(axis=(0, 2)), 1, rtol=0.15)
    assert (plain.std(axis=(0, 2)) < 1e-3).all()


def test_quartiles_against_numpy(X):
    scaled = SignalScaler().fit_transform(X)
    for recording, before in zip(scaled.recordings, X.recordings, strict=True):
        data = before.signals["eeg"].data.astype(float)
        low, middle, high = np.percentile(data, [25, 50, 75], axis=1, keepdims=True)
        expected = (data - middle) / (high - low) * IQR
        np.testing.assert_allclose(
            recording.signals["eeg"].data, expected, rtol=1e-4, atol=1e-5
        )


def test_invalid_epochs_do_not_count():
    valid = [True, False, True, True]
    recording = night("n", valid=valid, eeg=[(0, 10)])
    data = recording.signals["eeg"].data.copy()
    data[:, 3000:6000] = 1e6
    signal = recording.signals["eeg"].replace(data=data)
    X = EpochArray([recording.with_signals({"eeg": signal})])
    for scaler in (SignalScaler(robust=False), SignalScaler("training", robust=False)):
        kept = scaler.fit_transform(X).epochs("eeg")[[0, 2, 3]]
        np.testing.assert_allclose(kept.std(), 1, rtol=1e-5)


def test_training_statistics_are_those_of_all_training_rows(X):
    rows = np.array([0, 2, 3, 5, 9])
    mask = np.array([True, True, False, True, True])
    scaler = SignalScaler("training", robust=False)
    scaler.fit(X[rows].with_train_mask(mask))
    used = X.epochs("eeg")[rows[mask]].astype(float)
    found = scaler.scaling_["eeg"]
    np.testing.assert_allclose(found.center, used.mean(axis=(0, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.scale, used.std(axis=(0, 2)), rtol=1e-6)
    assert found.n_values.tolist() == [4 * 3000, 4 * 3000]
    scaled = scaler.transform(X).epochs("eeg")
    expected = (X.epochs("eeg") - found.center[:, None]) / found.scale[:, None]
    np.testing.assert_allclose(scaled, expected, rtol=1e-4, atol=1e-5)


def test_robust_training_statistics_are_medians_over_nights():
    nights = [night(f"n{'i' * k}", eeg=[(10.0 * k, k)]) for k in (1, 2, 8)]
    scaler = SignalScaler("training").fit(EpochArray(nights))
    scaled = scaler.transform(EpochArray(nights[1:2])).epochs("eeg")
    np.testing.assert_allclose(np.median(scaled), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(), 1, rtol=0.05)


def test_repeated_rows_count_twice(X):
    once = SignalScaler("training", robust=False).fit(X[[0, 5]])
    twice = SignalScaler("training", robust=False).fit(X[[0, 5, 5]])
    assert once.scaling_["eeg"].center[0] > twice.scaling_["eeg"].center[0]


def test_each_night_is_computed_once_in_fit(X):
    CALLS.clear()
    SignalScaler("training").fit(X.map(count_call))
    assert sorted(CALLS) == ["loud", "quiet"]


CALLS = []


def count_call(recording):
    CALLS.append(recording.id)
    return recording


def test_arrays_per_training():
    X = np.random.default_rng(0).normal(3, 2, (8, 2, 50)) * [[[1.0], [7.0]]]
    scaled = SignalScaler("training", robust=False).fit_transform(X)
    np.testing.assert_allclose(scaled.mean(axis=(0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=(0, 2)), 1)


def test_arrays_per_recording_are_scaled_row_by_row():
    X = np.random.default_rng(0).normal(3, 2, (8, 2, 50))
    scaled = SignalScaler(robust=False).fit_transform(X)
    np.testing.assert_allclose(scaled.std(axis=2), 1)
    low, middle, high = np.percentile(X, [25, 50, 75], axis=2, keepdims=True)
    robust = SignalScaler().fit_transform(X)
    np.testing.assert_allclose(robust, (X - middle) / (high - low) * IQR)


def test_a_dead_channel_becomes_zero_and_a_missing_one_stays_missing():
    X = np.random.default_rng(0).normal(3, 2, (4, 2, 50))
    X[:, 0] = 0.1
    X[1, 1] = np.nan
    for scaler in (SignalScaler(), SignalScaler("training", robust=False)):
        scaled = scaler.fit_transform(X)
        np.testing.assert_allclose(scaled[:, 0], 0, atol=1e-12)
        assert np.isnan(scaled[1, 1]).all()
        assert np.isfinite(scaled[[0, 2, 3], 1]).all()


def test_unknown_modalities_and_channels(X):
    scaler = SignalScaler("training").fit(X.select("eeg"))
    with pytest.raises(ValueError, match=r"on \['eeg'\].*cannot scale \['emg'\]"):
        scaler.transform(X)
    assert len(scaler.transform(X.drop("emg"))) == len(X)
    other = EpochArray([night("other", eeg=[(0, 1)])])
    with pytest.raises(ValueError, match=r"of shape \(2,\); got \(1,\)"):
        scaler.transform(other).epochs("eeg")
    both = EpochArray([*X.recordings, *other.recordings])
    with pytest.raises(ValueError, match="same channels and bins of 'eeg'"):
        clone(scaler).fit(both)


def test_rows_are_needed(X):
    masked = X.with_train_mask(np.zeros(len(X), bool))
    with pytest.raises(ValueError, match="of 10 rows 0 are for training"):
        SignalScaler("training").fit(masked)
    assert len(SignalScaler().fit_transform(masked)) == len(X)


def test_nights_and_arrays_do_not_mix(X):
    rows = np.random.default_rng(0).normal(size=(4, 2, 50))
    with pytest.raises(ValueError, match="fitted on a plain array"):
        SignalScaler("training").fit(rows).transform(X)
    with pytest.raises(ValueError, match="cannot scale a plain array"):
        SignalScaler("training").fit(X).transform(rows)


def test_spectra_are_refused(X):
    spectra = STFTEpocher().fit_transform(X)
    with pytest.raises(RecordingError, match="SignalScaler needs continuous signals"):
        SignalScaler("training").fit(spectra)
    with pytest.raises(ValueError, match="SignalScaler needs epochs of shape"):
        SignalScaler().fit(np.zeros((2, 1, 3, 4)))


def test_bad_parameters():
    with pytest.raises(ValueError, match="'per' parameter of SignalScaler must be one"):
        SignalScaler(per="night").fit(np.zeros((3, 4)))
