from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.recording import EpochArray, Recording, Signal


def night(name="a", **signals):
    return Recording(id=name, subject=name, signals=signals)


def ramp(sfreq, n_epochs, n_channels=1, **options):
    """Each sample is its own number (plus 1e4 for the next channel)."""
    n_times = round(n_epochs * 30 * sfreq)
    values = np.arange(n_times) + 1e4 * np.arange(n_channels)[:, np.newaxis]
    return Signal(values, sfreq, **options)


def test_channels_of_modalities_with_one_rate_stand_side_by_side():
    X = EpochArray(night(eeg=ramp(2, 3, 2), eog=ramp(2, 3)))
    values = np.asarray(X)
    assert (values.shape, values.dtype) == ((3, 3, 60), np.float32)
    assert values[1, :, 0].tolist() == [60, 10060, 60]
    assert np.asarray(X, np.float64).dtype == np.float64
    assert np.array(X).shape == (3, 3, 60)


def test_the_result_can_be_written_without_changing_the_night():
    X = EpochArray(night(eeg=Signal(np.zeros((3, 5)))))
    np.asarray(X)[:] = 1
    X.epochs("eeg")[:] = 1
    assert (np.asarray(X) == 0).all()


def test_an_array_without_a_copy_is_refused():
    X = EpochArray(night(eeg=ramp(2, 3)))
    with pytest.raises(ValueError, match="without a copy"):
        np.array(X, copy=False)


@pytest.mark.parametrize("sfreq", [2, 99.97, 256 / 3, 85.353, 0.37])
def test_epochs_begin_at_the_nearest_sample(sfreq):
    n_epochs = 7
    X = EpochArray(night(eeg=ramp(sfreq, n_epochs)))
    assert len(X) == n_epochs
    values = X.epochs("eeg")[:, 0]
    n_times = round(n_epochs * 30 * sfreq)
    length = round(30 * sfreq)
    for i in range(n_epochs):
        start = round(i * 30 * sfreq)
        expected = np.minimum(np.arange(start, start + length), n_times - 1)
        np.testing.assert_array_equal(values[i], expected)


def test_every_order_of_rows_is_that_of_numpy():
    X = EpochArray([night(n, eeg=ramp(2, 4), eog=ramp(2, 4)) for n in "ab"])
    rows = np.random.default_rng(0).integers(0, 8, 20)
    np.testing.assert_array_equal(np.asarray(X[rows]), np.asarray(X)[rows])
    np.testing.assert_array_equal(X[rows].epochs("eog"), X.epochs("eog")[rows])


def test_mixed_rates_are_named_with_the_remedy():
    X = EpochArray(night(eeg=ramp(4, 2), eog=ramp(2, 2)))
    with pytest.raises(
        RecordingError,
        match=r"eeg \(1, 120\) at 4 Hz, eog \(1, 60\) at 2 Hz.*Resampler",
    ):
        np.asarray(X)
    assert X.epochs("eeg").shape == (2, 1, 120)


def test_equal_lengths_at_different_rates_are_no_match():
    X = EpochArray(night(eeg=ramp(2, 2), eog=ramp(2.01, 2)))
    assert X.epochs("eeg").shape == X.epochs("eog").shape
    with pytest.raises(RecordingError, match=r"at 2 Hz, .* at 2\.01 Hz"):
        np.asarray(X)


def test_rates_that_differ_between_nights_are_named():
    X = EpochArray([night("a", eeg=ramp(2, 2)), night("b", eeg=ramp(4, 2))])
    with pytest.raises(
        RecordingError,
        match=r"'eeg' epochs of recording 'b' are \(1, 120\) at 4 Hz, .* at 2 Hz",
    ):
        X.epochs("eeg")
    assert X[:2].epochs("eeg").shape == (2, 1, 60)


def test_channels_that_differ_between_nights_are_named():
    X = EpochArray([night("a", eeg=ramp(2, 2)), night("b", eeg=ramp(2, 2, 2))])
    with pytest.raises(RecordingError, match=r"\(2, 60\) .*the same channels"):
        np.asarray(X)


def test_features_are_stacked_side_by_side():
    X = EpochArray(night(eeg=Signal([[0.0, 1], [2, 3]]), eog=Signal([[4.0], [5]])))
    assert np.asarray(X[::-1]).tolist() == [[2, 3, 5], [0, 1, 4]]


def test_spectra_are_stacked_channel_by_channel():
    rng = np.random.default_rng(0)
    eeg, eog = rng.random((3, 2, 4, 5)), rng.random((3, 1, 4, 5))
    freqs = np.arange(5)
    X = EpochArray(night(eeg=Signal(eeg, freqs=freqs), eog=Signal(eog, freqs=freqs)))
    expected = np.concatenate([eeg, eog], axis=1).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(X), expected)


def test_spectra_of_other_frequencies_are_no_match():
    """Nights of 100 and 128 Hz give bins of one number and of other frequencies."""

    def spectra(top):
        return Signal(np.ones((2, 1, 4, 5)), freqs=np.linspace(0, top, 5))

    between = EpochArray([night("a", eeg=spectra(50)), night("b", eeg=spectra(64))])
    with pytest.raises(RecordingError, match=r"bins up to 64 Hz, .* bins up to 50 Hz"):
        np.asarray(between)
    within = EpochArray(night(eeg=spectra(50), eog=spectra(64)))
    with pytest.raises(RecordingError, match=r"eeg .* 50 Hz, eog .* 64 Hz.*Resampler"):
        np.asarray(within)


def test_features_do_not_mix_with_spectra_or_signals():
    for other in (Signal(np.ones((2, 1, 4, 5))), ramp(2, 2)):
        X = EpochArray(night(eeg=Signal(np.ones((2, 3))), eog=other))
        with pytest.raises(RecordingError, match="epochs of one shape"):
            np.asarray(X)


@pytest.mark.parametrize(
    "signal",
    [
        ramp(2, 3, valid=[True, False, True]),
        Signal(np.ones((3, 4)), valid=[True, False, True]),
        Signal(np.ones((3, 2, 4, 5)), valid=[True, False, True]),
    ],
    ids=str,
)
def test_absent_and_invalid_epochs_are_nan(signal):
    absent = Recording(id="b", subject="b", signals={}, hypnogram=[0])
    X = EpochArray([night(eeg=signal), absent])
    values = np.asarray(X)
    missing = np.isnan(values.reshape(4, -1))
    assert missing.all(axis=1).tolist() == [False, True, False, True]
    assert not missing[[0, 2]].any()
    assert not np.isnan(signal.data).any()


def test_a_modality_that_no_night_has_is_a_key_error():
    X = EpochArray(night(eeg=ramp(2, 2)))
    with pytest.raises(KeyError, match=r"No recording has 'ecg'; there are \('eeg',\)"):
        X.epochs("ecg")


def test_no_rows_and_no_modality_are_named():
    bare = EpochArray(Recording(id="a", subject="a", signals={}, hypnogram=[0]))
    for X in (bare, EpochArray(night(eeg=ramp(2, 2)))[[]]):
        with pytest.raises(RecordingError, match="no epoch or no modality"):
            np.asarray(X)


def test_a_lazy_night_is_read_once(counting_array):
    lazy = counting_array(np.ones((1, 180)))
    X = EpochArray(night(eeg=Signal(lazy, 2)))
    assert np.asarray(X[[2, 0, 1, 1]]).shape == (4, 1, 60)
    assert lazy.reads == 1
