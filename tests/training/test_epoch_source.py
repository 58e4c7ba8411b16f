import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.training import ArraySource, Batches, RecordingSource
from sleepkit.training._epoch_source import open_recordings

CALLS = []


def double(recording):
    """A step that counts."""
    CALLS.append(recording.id)
    signals = recording.signals
    return recording.with_signals(
        {name: s.replace(data=2 * s.data) for name, s in signals.items()}
    )


def test_rows_stand_alone():
    block = np.array([[1.0, 2.0], [np.nan, 4.0], [np.nan, np.nan]])
    epochs = ArraySource({"eeg": block, "eog": block[::-1]})
    assert epochs.layout == {"eeg": (2,), "eog": (2,)}
    assert epochs.present["eeg"].tolist() == [True, True, False]
    assert epochs.has_signal.tolist() == [True, True, True]
    assert epochs.night.tolist() == epochs.row_to_epoch.tolist() == [0, 1, 2]


def two_nights():
    """Four epochs of two nights, the EOG missing in epoch 1."""
    blocks = {"eeg": np.ones((4, 1)), "eog": np.array([[1], [np.nan], [1], [1]])}
    X = EpochArray.from_arrays(blocks, recording=["a", "a", "b", "b"])
    return RecordingSource(X)


def test_every_epoch_of_a_night_is_a_row_of_whole_nights():
    source = two_nights().only(["eeg", "eog"], np.array([3]))
    whole = source.whole_nights()
    assert whole.row_to_epoch.tolist() == [0, 1, 2, 3]
    assert whole.has_signal.tolist() == [False, False, True, True]
    assert source.row_to_epoch.tolist() == [3]


def test_a_hidden_modality_stays_where_it_is_the_only_one():
    source = two_nights()
    part = source.without({0: {"eeg"}, 1: {"eeg", "eog"}})
    assert part.present["eeg"].tolist() == [False, True, True, True]
    assert part.present["eog"].tolist() == [True, False, True, True]
    assert source.present["eeg"].all()


def test_batch_pads_and_marks():
    epochs = ArraySource({"eeg": np.array([[1.0, np.nan], [np.nan, np.nan]])})
    batch = epochs.batch(np.array([[0, 1, -1]]))
    assert batch["inputs"]["eeg"].tolist() == [[[1, 0], [0, 0], [0, 0]]]
    assert batch["inputs"]["eeg"].dtype == np.float32
    assert batch["present"]["eeg"].tolist() == [[True, False, False]]


def test_nights_number_all_epochs(make_features):
    X = make_features({"a": 3, "b": 4}, gaps={"b": [1]}, eog=["b"])
    epochs = RecordingSource(X[[5, 1, 5]])
    assert epochs.row_to_epoch.tolist() == [5, 1, 5]
    assert epochs.night.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert epochs.layout == {"eeg": (1,), "eog": (2,)}
    assert epochs.present["eeg"].tolist() == [True] * 4 + [False] + [True] * 2
    assert epochs.present["eog"].tolist() == [False] * 3 + [True, False, True, True]


def test_nights_without_a_row_are_left_out(make_features):
    epochs = RecordingSource(make_features({"a": 3, "b": 4})[3:])
    assert epochs.night.tolist() == [0, 0, 0, 0]
    assert epochs.batch(np.array([1]))["inputs"]["eeg"].tolist() == [[4]]


def test_a_batch_of_nights(make_features):
    X = make_features({"a": 3, "b": 4}, eog=["b"])
    batch = RecordingSource(X).batch(np.array([[6, 0], [2, -1]]))
    assert batch["inputs"]["eeg"].tolist() == [[[6], [0]], [[2], [0]]]
    assert batch["inputs"]["eog"].tolist() == [[[-6, 6], [0, 0]], [[0, 0], [0, 0]]]
    assert batch["present"]["eog"].tolist() == [[True, False], [False, False]]


def test_signals_are_cut(make_night):
    X = EpochArray([make_night(3, seed=1), make_night(2, seed=2)])
    batch = RecordingSource(X).batch(np.array([4, 0]))
    for name in ("eeg", "eog"):
        expected = X[[4, 0]].epochs(name)
        np.testing.assert_array_equal(batch["inputs"][name], expected)


def test_rates_must_agree(make_night):
    nights = [make_night(2, sfreq=100, seed=1), make_night(2, sfreq=50, seed=2)]
    with pytest.raises(RecordingError, match=r"'night2'.*\(1, 1500\).*Resampler"):
        RecordingSource(EpochArray(nights))


def test_infinite_values_are_refused():
    signal = Signal([[1.0], [np.inf]])
    night = Recording(id="n", subject="s", signals={"eeg": signal})
    with pytest.raises(RecordingError, match=r"'eeg' epochs.*'n'.*infinite"):
        RecordingSource(EpochArray([night]))


@pytest.mark.parametrize("max_ram", [1e9, 1], ids=["memory", "store"])
def test_nights_are_computed_once(make_features, max_ram, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    CALLS.clear()
    X = make_features({"a": 3, "b": 4}).map(double)
    with open_recordings(X, max_ram) as epochs:
        on_disk = list(Path(tmp_path).iterdir())
        for _ in range(3):
            values = epochs.batch(np.arange(7))["inputs"]["eeg"]
    assert sorted(CALLS) == ["a", "b"]
    assert values.ravel().tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert bool(on_disk) == (max_ram == 1)
    assert list(Path(tmp_path).iterdir()) == []


# ------------------------------------------------------------------ nights in a store


@pytest.fixture(scope="module")
def stored_spectra(tmp_path_factory):
    """A factory of so many nights of spectra in a store, each of 0.9 MB."""
    folder, rng = tmp_path_factory.mktemp("spectra"), np.random.default_rng(0)

    def make(n_nights):
        nights = []
        for i in range(n_nights):
            spectra = rng.random((60, 1, 29, 128), np.float32)
            spectra[i % 60] = np.nan
            signals = {"eeg": Signal(spectra)}
            nights.append(Recording(id=f"n{i}", subject=f"s{i}", signals=signals))
        return EpochArray(nights).materialize(folder)

    return make


def pass_over(X, max_ram=1e12):
    """Open the nights and go through them once, shuffled."""
    with open_recordings(X, max_ram) as source:
        targets = {"stages": np.zeros(len(X), int)}
        rng = np.random.default_rng(0)
        for inputs, _ in Batches(source, targets, 16, rng=rng):
            yield inputs["inputs"]["eeg"]


def peak_of(X):
    """Measure how much memory is allocated at most in one pass; maps do not count."""
    tracemalloc.start()
    try:
        assert sum(len(batch) for batch in pass_over(X)) == len(X) - len(X.recordings)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_nights(stored_spectra):
    few, many = stored_spectra(3), stored_spectra(30)
    n_bytes = 4 * np.prod(few.recordings[0].signals["eeg"].shape)
    peak_of(few)  # what the first pass imports stays
    assert peak_of(many) < peak_of(few) + n_bytes / 2 < 5 * n_bytes


@pytest.mark.parametrize("max_ram", [1e12, 1], ids=["much", "little"])
@pytest.mark.parametrize("pending", [False, True], ids=["mapped", "to be mapped"])
def test_stored_nights_stay_in_their_store(
    make_features, tmp_path, monkeypatch, max_ram, pending
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    CALLS.clear()
    X = make_features({"a": 3, "b": 4}).map(double).cached(tmp_path / "store")
    if not pending:
        X = X.materialize(tmp_path / "store")
    with open_recordings(X, max_ram) as epochs:
        for _ in range(3):
            values = epochs.batch(np.arange(7))["inputs"]["eeg"]
    assert values.ravel().tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert sorted(CALLS) == ["a", "b"]
    assert not (tmp_path / "temporary").exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
def test_no_file_stays_open(stored_spectra):
    def opened():
        return len(list(Path("/proc/self/fd").iterdir()))

    X = stored_spectra(30)
    gc.collect()  # or files of earlier tests are closed meanwhile
    before = opened()
    with open_recordings(X, 1e12) as epochs:
        epochs.batch(np.arange(0, len(X), 60))  # one epoch of each night
        assert opened() == before
