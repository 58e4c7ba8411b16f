"""Stores that keep values as float16."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.recording import (
    EpochArray,
    Recording,
    Signal,
    Store,
    fill_store,
    open_store,
)


@pytest.fixture
def X(make_night):
    """Three nights in microvolts, the second without EOG."""
    nights = [
        make_night(4, names, sfreq=50.0, seed=seed, id=name)
        for seed, (name, names) in enumerate(
            {"a": ("eeg", "eog"), "b": ("eeg",), "c": ("eeg", "eog")}.items()
        )
    ]
    return EpochArray(nights)


def one_night(values, sfreq=None):
    signals = {"eeg": Signal(values, sfreq)}
    return EpochArray([Recording(id="n1", subject="s", signals=signals)])


def n_bytes(store: Path) -> int:
    """Bytes of all values in a store."""
    return sum(np.load(file).nbytes for file in store.glob("*/*.npy"))


def test_half_the_bytes_within_the_rounding_of_half_precision(X, tmp_path, scale):
    lazy = X.map(scale(3.0))
    whole = lazy.materialize(tmp_path / "whole")
    half = lazy.materialize(tmp_path / "half", dtype="float16")
    assert n_bytes(tmp_path / "half") == n_bytes(tmp_path / "whole") / 2
    opened, y, groups = open_store(tmp_path / "half")
    assert (y == X.hypnogram).all()
    assert (groups == X.subject).all()
    for name in ("eeg", "eog"):
        expected = whole.epochs(name).astype(np.float16).astype(np.float32)
        for found in (half, opened):
            values = found.epochs(name)
            assert values.dtype == np.float32
            np.testing.assert_array_equal(values, expected)
        np.testing.assert_allclose(expected, whole.epochs(name), rtol=2**-11)


def test_a_stored_night_is_not_read_as_a_whole(X, tmp_path):
    night = X.materialize(tmp_path, dtype="float16").recordings[0]
    assert night.is_in_memory_or_stored
    assert {signal.is_mapped for signal in night.signals.values()} == {True}
    assert night.signals["eeg"].data.dtype == np.float32


def test_missing_and_invalid_epochs_stay_missing(tmp_path):
    values = np.ones((3, 2, 4, 5))
    values[1, 0, 2, 3] = np.nan
    values[2] = np.inf
    signal = Signal(values, valid=[False, True, True])
    X = EpochArray([Recording(id="n", subject="s", signals={"eeg": signal})])
    found = X.materialize(tmp_path, dtype="float16").epochs("eeg")
    np.testing.assert_array_equal(found, X.epochs("eeg"))


def test_a_finished_night_is_not_computed_again(X, tmp_path, counted):
    lazy = X.map(counted.step())
    lazy[:6].materialize(tmp_path / "store", dtype="float16")
    assert fill_store(lazy, tmp_path / "store", dtype="float16") == {}
    lazy.cached(tmp_path / "store", dtype="float16").materialize()
    cached = lazy.cached(tmp_path / "store", dtype="float16")
    cached.materialize(tmp_path / "store", dtype="float16")
    assert counted.names() == ["a", "b", "c"]
    assert len(open_store(tmp_path / "store")[0]) == len(X)


def test_types_do_not_serve_each_other(X, tmp_path, counted):
    store = tmp_path / "store"
    lazy = X[:4].map(counted.step(1 / 3))
    exact = lazy.epochs("eeg")
    lazy.materialize(store, dtype="float16")
    np.testing.assert_array_equal(lazy.materialize(store).epochs("eeg"), exact)
    np.testing.assert_array_equal(open_store(store)[0].epochs("eeg"), exact)
    again = lazy.materialize(store, dtype="float16")
    assert (again.epochs("eeg") != exact).any()
    assert (open_store(store)[0].epochs("eeg") != exact).any()
    assert counted.names() == ["a"] * 3
    assert Store(str(store)).verify() == []


def test_rounding_changes_what_comes_after(X, tmp_path, scale):
    """Keys of caches and folds, and the steps that a manifest lists."""
    lazy = X[:4].map(scale())
    stored = [lazy.cached(tmp_path, dtype=dtype) for dtype in ("float32", "float16")]
    whole, half = (after.recordings[0] for after in stored)
    assert whole.fingerprint == lazy.recordings[0].fingerprint != half.fingerprint
    assert whole.pending == ("Scale(factor=2.0, calls='')",)
    assert half.pending == (*whole.pending, "rounding to float16")
    computed = [night.compute().fingerprint for night in (whole, half)]
    assert len(set(computed)) == 2
    lazy.materialize(tmp_path, dtype="float16")
    (night,) = open_store(tmp_path)[0].recordings
    assert night.info["steps"] == list(half.pending)


@pytest.mark.parametrize("value", [-65521.0, 1e30])
def test_values_too_large_are_an_error(tmp_path, value):
    X = one_night([[1.0, 2.0], [3.0, value]])
    reached = re.escape(f"{abs(value):g}")
    words = rf"'eeg' values of recording 'n1' reach {reached}, .* 65504; .*float32"
    with pytest.raises(RecordingError, match=words):
        X.materialize(tmp_path / "store", dtype="float16")
    failed = fill_store(X, tmp_path / "other", dtype="float16")
    assert list(failed) == ["n1"]
    assert "dtype='float16'" in failed["n1"]
    assert np.isfinite(X.materialize(tmp_path / "store").epochs("eeg")).all()
    largest = one_night([[1.0, 2.0], [3.0, 65504.0]])
    largest = largest.materialize(tmp_path / "store", dtype="float16")
    assert largest.epochs("eeg").max() == 65504


def test_values_too_small_are_an_error(tmp_path):
    """Volts, and one feature among others whose size is right."""
    noise = np.random.default_rng(0).standard_normal((2, 3000))
    volts = one_night(noise * [[1e-5], [2e-5]], 100)
    with pytest.raises(
        RecordingError, match=r"'eeg' .* channel '0' .* in another unit, or store"
    ):
        volts.materialize(tmp_path, dtype="float16")
    features = noise.T.copy()
    features[:, 1] *= 1e-6
    with pytest.raises(RecordingError, match=r"'eeg' values .* channel '1' are"):
        one_night(features).materialize(tmp_path, dtype="float16")
    features[:, 1] *= 0
    features[0, 0] = 1e-9  # among larger ones
    stored = one_night(features).materialize(tmp_path, dtype="float16")
    np.testing.assert_allclose(stored.epochs("eeg"), features, rtol=5e-4, atol=1e-7)


def test_the_type_is_checked(X, tmp_path):
    for call in (X.materialize, X.cached, lambda *a, **k: fill_store(X, *a, **k)):
        with pytest.raises(ValueError, match=r"'dtype' parameter of Store must be one"):
            call(tmp_path, dtype="int8")
    with pytest.raises(ValueError, match=r"dtype='float16' .* needs the folder"):
        X.materialize(dtype="float16")
