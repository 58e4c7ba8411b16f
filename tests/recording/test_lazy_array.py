from __future__ import annotations

import mmap
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


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("indices", [[3, 4, 9, 5], [[0, 1], [700, 702]], [900, -5], []])
def test_some_of_the_values(tmp_path, axis, indices):
    values = np.arange(800 * 703, dtype=np.float32).reshape(800, 703)  # many pages
    np.save(tmp_path / "x.npy", values)
    found = MappedArray.from_npy(tmp_path / "x.npy", "f").take(
        np.array(indices, int), axis
    )
    expected = values.take(np.array(indices, int), axis=axis, mode="clip")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.skipif(not hasattr(mmap.mmap, "madvise"), reason="the system takes none")
def test_what_is_announced_is_what_is_taken(tmp_path, monkeypatch):
    advised = []

    class Recorded(mmap.mmap):
        def madvise(self, option, start=0, length=None):
            if option == mmap.MADV_WILLNEED:
                advised.append((start, start + length))
            return super().madvise(option, *(() if length is None else (start, length)))

    monkeypatch.setattr(mmap, "mmap", Recorded)
    row = 2 * mmap.PAGESIZE  # bytes
    values = np.zeros((50, row // 4), np.float32)
    values.tofile(tmp_path / "x.bin")
    stored = MappedArray(str(tmp_path / "x.bin"), values.shape, "<f4", 0, "f")
    stored.take(np.array([7, 3, 4]), axis=0)
    assert advised == [(3 * row, 5 * row), (7 * row, 8 * row)]
