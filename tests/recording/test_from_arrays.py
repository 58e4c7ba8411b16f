from __future__ import annotations

import numpy as np
import pytest

from sleepkit.recording import EpochArray

RNG = np.random.default_rng(0)
FEATURES = RNG.random((6, 3), np.float32)
SIGNALS = RNG.random((6, 3, 60), np.float32)
SPECTRA = RNG.random((6, 3, 4, 5), np.float32)
PARTS = {"eeg": [0, 2], "eog": [1]}
INTERLEAVED = ["b", "a", "b", "b", "a", "a"]


@pytest.mark.parametrize(
    ("values", "sfreq"), [(FEATURES, None), (SIGNALS, 2), (SPECTRA, None)]
)
@pytest.mark.parametrize("recording", [None, "x", INTERLEAVED, range(6)])
@pytest.mark.parametrize("epoch", [None, [9, 1, 0, 4, 7, 2]])
def test_the_array_comes_back(values, sfreq, recording, epoch):
    X = EpochArray.from_arrays(values, recording=recording, epoch=epoch, sfreq=sfreq)
    np.testing.assert_array_equal(np.asarray(X), values)
    assert X.modalities == ("eeg",)
    np.testing.assert_array_equal(np.asarray(X[[5, 0]]), values[[5, 0]])


@pytest.mark.parametrize("seed", range(10))
def test_random_rows_come_back(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    values = rng.random((n, 3, 8), np.float32)
    values[rng.random(n) < 0.2] = np.nan
    values[:, 1][rng.random(n) < 0.2] = np.nan
    recording = rng.integers(0, 4, n)
    epoch = rng.permutation(50)[:n]
    X = EpochArray.from_arrays(
        {"eeg": values[:, :2], "eog": values[:, 2:]},
        recording=recording,
        epoch=epoch,
        sfreq=2,
    )
    assert X.epoch.tolist() == epoch.tolist()
    assert X.recording.tolist() == recording.astype(str).tolist()
    for name, columns in (("eeg", [0, 1]), ("eog", [2])):
        expected = values[:, columns]
        if name in X.modalities:
            np.testing.assert_array_equal(X.epochs(name), expected)
            found = ~np.isnan(expected).all(axis=(1, 2))
            assert X.valid[name].tolist() == found.tolist()
        else:
            assert np.isnan(expected).all()


def test_rows_become_nights_in_the_order_in_which_they_come():
    X = EpochArray.from_arrays(FEATURES, recording=INTERLEAVED)
    assert [r.id for r in X.recordings] == ["b", "a"]
    assert X.recording.tolist() == INTERLEAVED
    assert X.epoch.tolist() == [0, 0, 1, 2, 1, 2]
    assert X.subject.tolist() == INTERLEAVED
    assert X.hypnogram.tolist() == [-1] * 6
    np.testing.assert_array_equal(
        X.recordings[0].signals["eeg"].data, FEATURES[[0, 2, 3]]
    )


def test_a_gap_in_the_numbers_is_missing_signal():
    X = EpochArray.from_arrays(SIGNALS[:2], epoch=[3, 1], sfreq=2)
    (recording,) = X.recordings
    assert (len(X), recording.n_epochs) == (2, 4)
    signal = recording.signals["eeg"]
    assert signal.valid.tolist() == [False, True, False, True]
    assert np.isnan(signal.data[:, :60]).all()
    np.testing.assert_array_equal(signal.data[:, 60:120], SIGNALS[1])


def test_modalities_share_the_second_axis_out():
    X = EpochArray.from_arrays(SIGNALS, modalities=PARTS, sfreq=2)
    np.testing.assert_array_equal(X.epochs("eeg"), SIGNALS[:, [0, 2]])
    np.testing.assert_array_equal(X.epochs("eog"), SIGNALS[:, [1]])


def test_a_mapping_gives_each_modality_its_own_rate():
    X = EpochArray.from_arrays(
        {"eeg": SIGNALS, "eog": SIGNALS[:, 0, ::2]}, sfreq={"eeg": 2, "eog": 1}
    )
    assert X.recordings[0].epoch_duration == 30
    assert X.epochs("eog").shape == (6, 1, 30)
    mixed = EpochArray.from_arrays({"eeg": SIGNALS, "hrv": FEATURES}, sfreq={"eeg": 2})
    np.testing.assert_array_equal(mixed.epochs("hrv"), FEATURES)


def test_odd_rates_keep_every_sample():
    """70 samples at 7 / 3 Hz are 30 s, but not in floating point."""
    values = RNG.random((40, 1, 2560), np.float32)
    X = EpochArray.from_arrays(
        {"eeg": values, "eog": values[..., :1500], "resp": values[..., :70]},
        sfreq={"eeg": 256 / 3, "eog": 50, "resp": 7 / 3},
    )
    np.testing.assert_array_equal(X.epochs("eeg"), values)
    np.testing.assert_array_equal(X.epochs("eog"), values[..., :1500])
    np.testing.assert_array_equal(X.epochs("resp"), values[..., :70])


def test_flat_signals_are_one_channel_and_channel_features_become_flat():
    X = EpochArray.from_arrays(SIGNALS[:, 0], sfreq=2)
    np.testing.assert_array_equal(np.asarray(X), SIGNALS[:, :1])
    X = EpochArray.from_arrays(SIGNALS)
    np.testing.assert_array_equal(np.asarray(X), SIGNALS.reshape(6, -1))


def test_rows_of_nan_are_missing_and_a_modality_may_be_absent_in_a_night():
    values = FEATURES.copy()
    values[0, 1] = np.nan  # eog of one row of b
    values[[1, 4, 5], 1] = np.nan  # all of a
    values[2, 0] = np.nan  # one of two eeg features is not a missing modality
    X = EpochArray.from_arrays(values, recording=INTERLEAVED, modalities=PARTS)
    assert X.present["eog"].tolist() == [True, False, True, True, False, False]
    assert X.valid["eog"].tolist() == [False, False, True, True, False, False]
    assert X.valid["eeg"].all()
    np.testing.assert_array_equal(np.asarray(X), values[:, [0, 2, 1]])


def test_a_night_of_nothing_but_nan_keeps_its_rows():
    values = FEATURES.copy()
    values[[1, 4, 5]] = np.nan
    X = EpochArray.from_arrays(values, recording=INTERLEAVED, modalities=PARTS)
    np.testing.assert_array_equal(np.asarray(X), values[:, [0, 2, 1]])
    assert X.recordings[1].modalities == ()
    assert not X.present["eeg"][1]


def test_subjects_are_spread_or_given():
    one = EpochArray.from_arrays(FEATURES, recording=INTERLEAVED, subject="s")
    assert set(one.subject) == {"s"}
    by_row = EpochArray.from_arrays(
        FEATURES, recording=INTERLEAVED, subject=[2, 1, 2, 2, 1, 1]
    )
    assert by_row.subject.tolist() == list("212211")


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.ones(5), {}, r"row an epoch; got shape \(5,\)"),
        (np.ones((0, 3)), {}, "at least one row"),
        ({}, {}, "at least one row"),
        ({"eeg": np.ones((2, 3)), "eog": np.ones((3, 3))}, {}, "as many in every"),
        (np.ones((2, 3, 4, 5)), {"sfreq": 2}, r"signals with \(2, 3\) axes"),
        (np.ones((2, 3, 4, 5, 6)), {}, r"\(2, 3, 4\) axes; 'eeg' has shape"),
        (np.ones((2, 60)), {"sfreq": -1}, "'sfreq' parameter of EpochArray.from"),
        ({"eeg": np.ones((2, 60))}, {"sfreq": {"eg": 2}}, r"'sfreq' for \['eg'\]"),
        ({"eeg": np.ones((2, 60))}, {"modalities": PARTS}, "not with a mapping"),
        (np.ones((2, 3)), {"modalities": {"eeg": [0, 3]}}, "indices from 0 to 2 "),
        (np.ones((2, 3)), {"modalities": {"eeg": []}}, r"Got {'eeg': \[\]}"),
        (np.ones((2, 3)), {"modalities": {}}, "'modalities' parameter of Ep"),
        (np.ones((2, 3)), {"recording": ["a"]}, r"'recording' a row, 2 in all"),
        (np.ones((2, 3)), {"epoch": [0, 0]}, "same epoch of a recording twice"),
        (np.ones((2, 3)), {"epoch": [0, -1]}, "whole numbers from 0; got int64 from"),
        (np.ones((2, 3)), {"epoch": [0.0, 1.0]}, "whole numbers from 0; got float64"),
        (np.ones((2, 3)), {"subject": ["a", "b"]}, r"one subject a rec.*\['a', 'b'\]"),
        (
            {"eeg": np.ones((2, 60)), "eog": np.ones((2, 40))},
            {"sfreq": 2},
            r"epochs of one length; got \[20.0, 30.0\] s",
        ),
    ],
)
def test_what_does_not_fit_is_named(values, options, words):
    with pytest.raises(ValueError, match=words):
        EpochArray.from_arrays(values, **options)
