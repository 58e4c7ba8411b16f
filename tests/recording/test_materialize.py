from __future__ import annotations

import os
import pickle
import sys
import time
from dataclasses import dataclass

import joblib
import numpy as np
import pytest

from sleepkit.recording import EpochArray, Recording, Signal

try:
    from joblib.externals import cloudpickle
except ImportError:  # joblib >= 1.6 depends on the package instead
    import cloudpickle


@dataclass(frozen=True)
class Describe:
    """Replace signals by what a worker sees: its process, and may it write?"""

    def __call__(self, recording):
        writeable = [s.data.flags.writeable for s in recording.signals.values()]
        row = [os.getpid(), any(writeable), recording.signals["eeg"].data.sum()]
        features = np.tile(row, (recording.n_epochs, 1))
        return recording.with_signals({"eeg": Signal(features)})

    def layout(self, before):
        return {"eeg": 3}


@pytest.fixture
def by_value():
    """Let workers that cannot import this file run its steps."""
    modules = [sys.modules[__name__], sys.modules["tests.recording.conftest"]]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture
def X(make_night):
    nights = [
        make_night(3, ("eeg", "eog"), sfreq={"eeg": 4.0, "eog": 2.0}, seed=0),
        make_night(4, ("eeg",), sfreq=4.0, seed=1, hypnogram=[0, -1, 2, 3]),
        make_night(2, ("eeg", "eog"), sfreq={"eeg": 4.0, "eog": 2.0}, seed=2),
    ]
    return EpochArray(nights)[[7, 0, 4, 4, 2, 1]]


def check_equal(a, b):
    for part in ("recording", "subject", "epoch", "hypnogram", "train_mask"):
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part))
    assert a.modalities == b.modalities
    for name in a.modalities:
        np.testing.assert_array_equal(a.epochs(name), b.epochs(name))
        np.testing.assert_array_equal(a.present[name], b.present[name])


@pytest.mark.usefixtures("by_value")
@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_memory_disk_and_lazy_are_equal(X, tmp_path, counted, n_jobs):
    lazy = X.map(counted.step(3.0)).map(counted.step(0.5))
    check_equal(lazy, EpochArray(X.recordings).map(counted.step(1.5))[_rows(X)])
    before = len(counted.names())
    in_memory = lazy.materialize(n_jobs=n_jobs)
    on_disk = lazy.materialize(tmp_path / "store", n_jobs=n_jobs)
    assert len(counted.names()) - before == 2 * 2 * 3
    check_equal(in_memory, lazy)
    before = len(counted.names())
    check_equal(on_disk, in_memory)
    for result, loaded in ((in_memory, True), (on_disk, False)):
        assert all(r.is_computed for r in result.recordings)
        for recording in result.recordings:
            assert {s.is_loaded for s in recording.signals.values()} == {loaded}
    assert len(counted.names()) == before


def _rows(X):
    """Where the rows of X are among all scored epochs of its recordings."""
    whole = EpochArray(X.recordings)
    pairs = list(zip(whole.recording, whole.epoch, strict=True))
    return [pairs.index(pair) for pair in zip(X.recording, X.epoch, strict=True)]


def test_again_it_reads_what_is_there(X, tmp_path, counted):
    for _ in range(2):
        X.map(counted.step()).materialize(tmp_path / "store")
    X.map(counted.step()).cached(tmp_path / "store").materialize()
    assert counted.names() == ["night0", "night1", "night2"]


@pytest.mark.usefixtures("by_value")
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_bar_counts_the_nights(X, tmp_path, counted, capsys, n_jobs):
    lazy = X.map(counted.step())
    check_equal(lazy.materialize(n_jobs=n_jobs), lazy)
    assert not capsys.readouterr().err
    check_equal(lazy.materialize(n_jobs=n_jobs, verbose=True), lazy)
    assert "3/3" in capsys.readouterr().err
    lazy.materialize(tmp_path / "store", n_jobs, verbose=True)
    assert "3/3" in capsys.readouterr().err


def test_only_nights_with_rows_are_computed(X, tmp_path, counted):
    X[[0, 1]].map(counted.step()).materialize(tmp_path / "store")
    assert counted.names() == ["night0", "night2"]


def test_a_lazy_source_is_read_into_memory_once(counting_array):
    lazy = counting_array(np.ones((1, 180)))
    recording = Recording(id="n", subject="s", signals={"eeg": Signal(lazy, 2)})
    X = EpochArray(recording).materialize()
    assert np.asarray(X).shape == np.asarray(X).shape == (3, 1, 60)
    assert lazy.reads == 1


@pytest.mark.usefixtures("by_value")
@pytest.mark.parametrize("to_disk", [False, True])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_of_any_backend_get_read_only_arrays(
    make_night, tmp_path, backend, to_disk
):
    """Megabytes, so that joblib hands processes a memory map."""
    nights = [
        make_night(2, ("eeg",), sfreq=8000.0, seed=seed, epoch_duration=20.0)
        for seed in range(3)
    ]
    X = EpochArray(nights).map(Describe())
    with joblib.parallel_config(backend=backend, n_jobs=2):
        result = X.materialize(tmp_path if to_disk else None)
    processes, writeable, total = np.asarray(result).T
    expected = [night.signals["eeg"].data.sum() for night in nights]
    np.testing.assert_allclose(total[::2], expected, rtol=1e-6)
    assert not writeable.any()
    in_here = processes == os.getpid()
    assert in_here.all() if backend == "threading" else not in_here.any()


@pytest.mark.usefixtures("by_value")
def test_memory_uses_threads_and_disk_uses_processes(X, tmp_path):
    described = X.map(Describe())
    in_memory = np.asarray(described.materialize(n_jobs=2))
    on_disk = np.asarray(described.materialize(tmp_path, n_jobs=2))
    assert (in_memory[:, 0] == os.getpid()).all()
    assert (on_disk[:, 0] != os.getpid()).all()


@pytest.mark.usefixtures("by_value")
def test_the_error_of_a_step_comes_through(X, tmp_path):
    for directory in (None, tmp_path):
        with pytest.raises(RuntimeError, match=r"electrode of night\d fell off"):
            X.map(fall_off).materialize(directory, n_jobs=2)


def fall_off(recording):
    msg = f"electrode of {recording.id} fell off"
    raise RuntimeError(msg)


@pytest.fixture
def on_disk(make_night, tmp_path, scale):
    """Ten nights of 4 MB."""
    nights = [
        make_night(10, ("eeg",), sfreq=3333.0, seed=seed, hypnogram=[0] * 10)
        for seed in range(10)
    ]
    return EpochArray(nights).map(scale()).materialize(tmp_path)


def test_on_disk_it_pickles_small_and_hashes_cheap_and_stable(on_disk):
    X = on_disk[np.random.default_rng(0).permutation(len(on_disk))]
    pickled = pickle.dumps(X)
    assert sum(s.data.nbytes for r in X.recordings for s in r.signals.values()) > 35e6
    assert len(pickled) < 50_000
    start = time.perf_counter()
    before = joblib.hash(X)
    again = pickle.loads(pickled)
    fingerprints = [r.fingerprint for r in X.recordings]
    assert joblib.hash(X) == before
    assert time.perf_counter() - start < 0.5
    assert [r.fingerprint for r in again.recordings] == fingerprints
    np.testing.assert_array_equal(again[:3].epochs("eeg"), X[:3].epochs("eeg"))
    other = X[::-1]
    assert joblib.hash(other) != before


def test_on_disk_steps_can_go_on(on_disk, scale):
    row = on_disk[3].epochs("eeg")
    np.testing.assert_array_equal(on_disk.map(scale(2.0))[3].epochs("eeg"), 2 * row)
