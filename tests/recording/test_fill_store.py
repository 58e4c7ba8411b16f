from __future__ import annotations

import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest

from sleepkit.exceptions import RecordingError, SleepkitWarning, StoreWriteError
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray, fill_store, is_store, open_store


@pytest.fixture
def X(make_night):
    """Four nights, of which the second fails in the step below."""
    nights = [
        make_night(3, ("eeg",), sfreq=4.0, seed=seed, id=name)
        for seed, name in enumerate(["a", "damaged", "doubtful", "d"])
    ]
    return EpochArray(nights)


def check(recording):
    if recording.id == "damaged":
        msg = "no sample\nof the file can be read"
        raise RecordingError(msg)
    if recording.id == "doubtful":
        warnings.warn("values of 3 V", SleepkitWarning, stacklevel=1)
    return recording


def test_nights_that_fail_are_set_aside(X, tmp_path, counted):
    lazy = X.map(counted.step(3.0)).map(check)
    with pytest.warns(SleepkitWarning, match="^doubtful: values of 3 V$"):
        failed = fill_store(lazy, tmp_path / "store")
    assert failed == {"damaged": "no sample of the file can be read"}
    assert is_store(tmp_path / "store")
    found, _, groups = open_store(tmp_path / "store")
    sound = X[X.recording != "damaged"]
    np.testing.assert_array_equal(found.epochs("eeg"), 3 * sound.epochs("eeg"))
    assert groups.tolist() == sound.subject.tolist()
    assert fill_store(lazy, tmp_path / "store") == failed
    assert counted.names() == ["a", "d", "damaged", "damaged", "doubtful"]


def test_a_damaged_night_of_another_store_is_set_aside(X, tmp_path):
    fill_store(X, tmp_path / "first")
    first, _, _ = open_store(tmp_path / "first")
    (path,) = (tmp_path / "first").glob("d-*/*.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    failed = fill_store(BandPower().fit_transform(first), tmp_path / "second")
    assert list(failed) == ["d"]
    assert len(open_store(tmp_path / "second")[0].recordings) == 3


def test_the_store_lists_what_was_given_last(X, tmp_path):
    fill_store(X, tmp_path)
    fill_store(X[:3], tmp_path)
    assert [night.id for night in open_store(tmp_path)[0].recordings] == ["a"]


def test_a_folder_that_cannot_be_written_to_is_an_error(X, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreWriteError, match="cannot be written to"):
        fill_store(X, tmp_path / "file" / "store")
    assert not is_store(tmp_path / "file")


def test_processes_give_the_same_values(X, tmp_path):
    assert fill_store(X, tmp_path, 2, verbose=True) == {}
    found, _, _ = open_store(tmp_path)
    np.testing.assert_array_equal(found.epochs("eeg"), X.epochs("eeg"))


def files_of(store: Path) -> dict[str, bytes]:
    """Content of all values and manifests of a store, and of its index."""
    files = [*store.glob("[!.]*/*.*"), store / "index.json"]
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_dask_workers_give_the_same_bytes(dask_client, make_night, tmp_path, dtype):
    assert list(dask_client.ncores().values()) == [1, 1]
    nights = [make_night(4, seed=seed) for seed in range(4)]
    X = BandPower().fit_transform(EpochArray(nights))
    assert fill_store(X, tmp_path / "one", dtype=dtype) == {}
    X.materialize(tmp_path / "two", dtype=dtype)
    with joblib.parallel_config(backend="dask"):
        assert fill_store(X, tmp_path / "dask one", dtype=dtype) == {}
        X.materialize(tmp_path / "dask two", dtype=dtype)
    expected = files_of(tmp_path / "one")
    assert len(expected) == 2 * 4 + 4 + 1
    for name in ("two", "dask one", "dask two"):
        assert files_of(tmp_path / name) == expected
