from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest

from sleepkit.exceptions import RecordingError, StepError
from sleepkit.recording import EpochArray, Recording, Signal, concatenate


def night(name, n_epochs, hypnogram=None, modalities=("eeg",), valid=None):
    """A night whose every sample is the number of its epoch."""
    values = np.repeat(np.arange(float(n_epochs)), 60)
    signals = {m: Signal(values, 2, [m], valid=valid) for m in modalities}
    return Recording(
        id=name, subject=f"of {name}", signals=signals, hypnogram=hypnogram
    )


@pytest.fixture
def X():
    """Rows 0 to 9: epochs 0, 2, 3 of a; 0 to 3 of b, unscored; 1, 2, 4 of c."""
    a = night("a", 4, [0, -1, 2, 3])
    b = night("b", 4)
    c = night("c", 5, [-1, 4, 1, -1, 0])
    return EpochArray([a, b, c])


def state(X):
    """Everything that belongs to a row, and a value of its signal."""
    return list(
        zip(
            X.recording.tolist(),
            X.subject.tolist(),
            X.epoch.tolist(),
            X.hypnogram.tolist(),
            X.train_mask.tolist(),
            X.epochs("eeg")[:, 0, 0].tolist() if len(X) else [],
            strict=True,
        )
    )


def test_rows_are_the_scored_epochs(X):
    assert (len(X), X.shape) == (10, (10,))
    assert X.recording.tolist() == list("aaabbbbccc")
    assert X.subject.tolist() == [f"of {name}" for name in "aaabbbbccc"]
    assert X.epoch.tolist() == [0, 2, 3, 0, 1, 2, 3, 1, 2, 4]
    assert X.hypnogram.tolist() == [0, 2, 3, -1, -1, -1, -1, 4, 1, 0]
    assert X.train_mask.tolist() == [True] * 10
    assert [values.dtype.kind for values in (X.recording, X.subject)] == ["U", "U"]


def test_shape_has_columns_where_every_modality_is_features():
    table = EpochArray.from_arrays(
        np.ones((4, 5)),
        recording=list("aabb"),
        modalities={"eeg": [0, 1, 2], "eog": [3, 4]},
    )
    assert table.shape == np.asarray(table).shape == (4, 5)
    assert table.select("eog").shape == (4, 2)
    uneven = concatenate(
        [
            EpochArray.from_arrays(
                np.ones((2, n)), recording=str(n), modalities={"eeg": range(n)}
            )
            for n in (2, 3)
        ]
    )
    assert uneven.shape == (4,)


def test_unscored_epochs_are_rows_only_if_included(X):
    everything = EpochArray(X.recordings, include_unscored=True)
    assert everything.epoch.tolist() == [*range(4), *range(4), *range(5)]
    assert everything.hypnogram.tolist().count(-1) == 1 + 4 + 2
    unscored = EpochArray([night("d", 2, [-1, -1])])
    assert len(unscored) == 0
    assert unscored.recordings[0].n_epochs == 2


KEYS = [
    0,
    -1,
    np.int64(3),
    slice(2, 8),
    slice(None, None, -1),
    [],
    [3, 3, 3],
    [9, 0, 5],
    [-1, -10],
    np.arange(10) % 3 == 0,
    [True] + [False] * 9,
    np.zeros(10, bool),
    np.array([7, 1]),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("with_ellipsis", [False, True])
def test_indexing_takes_the_rows_that_numpy_takes(X, key, with_ellipsis):
    X = X.with_train_mask(np.arange(10) % 2 == 0)
    rows = state(X)
    expected = [rows[i] for i in np.atleast_1d(np.arange(10)[key])]
    assert state(X[(key, ...) if with_ellipsis else key]) == expected


@pytest.mark.parametrize("seed", range(10))
def test_random_selections_of_selections_are_those_of_numpy(X, seed):
    rng = np.random.default_rng(seed)
    X = X.with_train_mask(rng.random(10) < 0.5)
    rows, index = state(X), np.arange(10)
    for _ in range(4):
        if not len(index):
            break
        kind = rng.integers(3)
        if kind == 0:
            key = rng.integers(-len(index), len(index), rng.integers(1, 15))
        elif kind == 1:
            key = rng.random(len(index)) < 0.7
        else:
            key = slice(*np.sort(rng.integers(-12, 12, 2)), rng.choice([1, 2]))
        X, index = X[key], index[key]
        assert state(X) == [rows[i] for i in index]
        assert X.recordings == tuple(
            r for r in X.recordings if r.id in set(X.recording)
        )


@pytest.mark.parametrize("key", [10, -11, [0, 10], np.ones(9, bool), 1.5, "eeg"])
def test_wrong_keys_are_index_errors(X, key):
    with pytest.raises(IndexError):
        X[key]


def test_iterating_gives_one_row_after_the_other(X):
    assert [state(row)[0] for row in X] == state(X)


def test_no_signal_is_copied(X):
    chosen = X[[9, 0, 0]]
    for recording in chosen.recordings:
        source = next(r for r in X.recordings if r.id == recording.id)
        assert recording is source
        assert np.shares_memory(
            recording.signals["eeg"].data, source.signals["eeg"].data
        )


def test_recordings_without_rows_leave(X):
    assert [r.id for r in X[[9, 0, 7]].recordings] == ["a", "c"]
    assert X[[]].recordings == ()


def test_the_other_epochs_stay_behind_the_rows(X):
    one = X[7]  # epoch 1 of c
    (recording,) = one.recordings
    assert recording.n_epochs == 5
    assert recording.signals["eeg"].data[0, ::60].tolist() == [0, 1, 2, 3, 4]


def test_by_recording_gives_rows_and_epochs_of_each_recording(X):
    shuffled = X[[9, 0, 4, 9, 2]]
    found = {
        r.id: (rows.tolist(), e.tolist()) for r, rows, e in shuffled.by_recording()
    }
    assert found == {"a": ([1, 4], [0, 3]), "b": ([2], [1]), "c": ([0, 3], [4, 4])}


def test_train_mask_travels(X, scale):
    mask = np.arange(10) > 4
    masked = X.with_train_mask(mask)
    assert X.train_mask.all()
    rows = [9, 0, 5]
    for changed in (
        masked,
        masked.map(scale()),
        masked.select("eeg"),
        masked.materialize(),
        pickle.loads(pickle.dumps(masked)),
    ):
        assert changed.train_mask.tolist() == mask.tolist()
        assert changed[rows].train_mask.tolist() == mask[rows].tolist()


@pytest.mark.parametrize("mask", [np.ones(9, bool), np.ones(10, int), True])
def test_a_wrong_train_mask_is_named(X, mask):
    with pytest.raises(ValueError, match="train_mask must be 10 booleans, one a row"):
        X.with_train_mask(mask)


def test_nothing_that_views_share_can_be_changed(X):
    mask = np.ones(10, bool)
    masked = X.with_train_mask(mask)
    mask[:] = False
    assert masked.train_mask.all()
    for view in (X, masked, X[2:], X.map(same), pickle.loads(pickle.dumps(X))):
        for values in (view.train_mask, view.epoch):
            with pytest.raises(ValueError, match="read-only"):
                values[0] = 0


def same(recording):
    return recording


def test_present_and_valid_tell_what_is_missing():
    nights = [
        night("a", 2, modalities=("eeg", "eog")),
        night("b", 2, modalities=("eog",), valid=[True, False]),
        night("c", 1, modalities=("eeg",)),
    ]
    X = EpochArray(nights)[[4, 3, 2, 1, 0]]
    assert X.modalities == ("eeg", "eog")
    assert {n: v.tolist() for n, v in X.present.items()} == {
        "eeg": [True, False, False, True, True],
        "eog": [False, True, True, True, True],
    }
    assert {n: v.tolist() for n, v in X.valid.items()} == {
        "eeg": [True, False, False, True, True],
        "eog": [False, False, True, True, True],
    }
    assert X[:1].modalities == ("eeg",)
    assert list(X[:1].present) == list(X[:1].valid) == ["eeg"]


def test_recordings_without_any_modality_keep_their_rows():
    empty = Recording(id="e", subject="s", signals={}, hypnogram=[0, 1])
    X = EpochArray([empty, night("a", 1)])
    assert len(X) == 3
    assert np.isnan(X.epochs("eeg")[:2]).all()
    assert X[:2].modalities == ()
    assert "no modality" in repr(X[:2])


def test_nothing_is_computed_until_signals_are_read(X, counted):
    lazy = X.map(counted.step(2.0)).map(counted.step(3.0))
    lazy[::-1].with_train_mask(np.zeros(10, bool)).select("eeg").drop()
    assert (lazy.modalities, list(lazy.present)) == (("eeg",), ["eeg"])
    pickle.dumps(lazy)
    joblib.hash(lazy)
    assert counted.names() == []
    values = lazy[[9, 0, 9]].epochs("eeg")
    assert values[:, 0, 0].tolist() == [24, 0, 24]
    assert counted.names() == ["a", "a", "c", "c"]


@pytest.mark.parametrize(
    "compute", [np.asarray, lambda X: X.valid, EpochArray.materialize]
)
def test_each_night_is_computed_once_however_many_rows_it_has(X, counted, compute):
    compute(X.map(counted.step())[[0, 9, 1, 8, 0, 7]])
    assert counted.names() == ["a", "c"]


def test_map_refuses_what_has_no_name(X):
    with pytest.raises(StepError, match="module-level function"):
        X.map(lambda recording: recording)


def test_with_recordings_puts_other_versions_behind_the_rows(X, scale):
    doubled = X.with_recordings(r.map(scale()) for r in X.recordings)
    assert doubled.epochs("eeg").max() == 2 * X.epochs("eeg").max()
    with pytest.raises(RecordingError, match=r"same nights.*\['c', 'b', 'a'\]"):
        X.with_recordings(X.recordings[::-1])
    with pytest.raises(RecordingError, match="same nights"):
        X.with_recordings(X.recordings[:2])


def test_recordings_need_ids_of_their_own_and_one_epoch_length():
    with pytest.raises(RecordingError, match=r"ids of their own.*got ids \['a'\]"):
        EpochArray([night("a", 1), night("b", 1), night("a", 2)])
    short = Recording(
        id="b", subject="s", signals=night("b", 1).signals, epoch_duration=15
    )
    with pytest.raises(RecordingError, match=r"epochs of \[15.0, 30.0\] s"):
        EpochArray([night("a", 1), short])
    with pytest.raises(TypeError, match="made of Recording objects; got Signal"):
        EpochArray([night("a", 1), Signal([[1.0]])])


def test_one_recording_needs_no_list():
    assert len(EpochArray(night("a", 3))) == 3


def test_no_recordings_make_no_rows():
    X = EpochArray([])
    assert (len(X), X.shape, X.modalities) == (0, (0,), ())
    for values in (X.subject, X.epoch, X.hypnogram, X.train_mask):
        assert values.shape == (0,)
    assert (X.present, X.valid, len(X[:])) == ({}, {}, 0)
    with pytest.raises(RecordingError, match="no epoch or no modality"):
        np.asarray(X)


def test_a_pickle_gives_the_same_rows(X):
    shuffled = X[[9, 0, 4]]
    again = pickle.loads(pickle.dumps(shuffled))
    assert state(again) == state(shuffled)
    assert joblib.hash(again) == joblib.hash(pickle.loads(pickle.dumps(again)))


def test_repr_tells_rows_nights_and_modalities(X):
    assert repr(X) == "EpochArray(10 epochs of 3 recordings: eeg)"
    assert repr(X[0]) == "EpochArray(1 epochs of 1 recording: eeg)"
