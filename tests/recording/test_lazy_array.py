from __future__ import annotations

import pickle

import numpy as np
import pytest

from sleepkit.exceptions import StoreError
from sleepkit.recording import LazyArray, MappedArray


@pytest.fixture
def stored(tmp_path):
    values = np.arange(2_000_000, dtype=np.float32).reshape(2, -1)
    np.save(tmp_path / "x.npy", values)
    return tmp_path / "x.npy", values


def test_a_mapped_file_equals_what_was_saved(stored):
    path, values = stored
    mapped = MappedArray.from_npy(path, "f")
    assert isinstance(mapped, LazyArray)
    assert mapped.shape == values.shape
    np.testing.assert_array_equal(np.asarray(mapped), values)
    assert np.asarray(mapped, np.float64).dtype == np.float64


def test_it_is_mapped_read_only(stored):
    path, _ = stored
    values = np.asarray(MappedArray.from_npy(path, "f"))
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1


def test_it_pickles_as_an_address(stored):
    path, values = stored
    mapped = MappedArray.from_npy(path, "f")
    pickled = pickle.dumps(mapped)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickled)), values)


def test_damaged_files_are_named(stored, tmp_path):
    path, _ = stored
    whole = path.read_bytes()
    for damaged in (b"", whole[:50], whole[:-4], b"x" * len(whole)):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"x\.npy is no readable array file"):
            MappedArray.from_npy(path, "f")
    with pytest.raises(StoreError, match=r"missing\.npy"):
        MappedArray.from_npy(tmp_path / "missing.npy", "f")


def test_fortran_order_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.asfortranarray(np.ones((2, 3))))
    with pytest.raises(StoreError, match="Fortran order"):
        MappedArray.from_npy(tmp_path / "x.npy", "f")


def test_a_file_that_vanished_is_named(stored):
    path, _ = stored
    mapped = MappedArray.from_npy(path, "f")
    path.unlink()
    with pytest.raises(StoreError, match=r"x\.npy was there, but cannot be mapped"):
        np.asarray(mapped)
