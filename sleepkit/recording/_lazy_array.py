"""Arrays that are read from their file at each access."""

from __future__ import annotations

import mmap
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from sleepkit._typing import Array, IntArray
from sleepkit.exceptions import StoreError
from sleepkit.utils import FileState, file_state

# Files whose checksum is that of their values, each by its state and its layout; a
# file keeps its state when its folder is renamed.
_CHECKED: Final[set[tuple[Any, ...]]] = set()


@runtime_checkable
class LazyArray(Protocol):
    """Protocol of arrays that a `Signal` can hold without reading them.

    Examples
    --------
    >>> from sleepkit.recording import LazyArray, MappedArray
    >>> isinstance(MappedArray("eeg.npy", (1, 10), "<f4", 128, "a1"), LazyArray)
    True
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array once read."""

    @property
    def fingerprint(self) -> str:
        """Text that changes with the content."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the array."""


@dataclass(frozen=True)
class MappedArray:
    """Memory-mapped array in a file, pickled as its path and layout.

    A plain ``numpy.memmap`` pickles its whole content; this pickles a path.

    Parameters
    ----------
    path : str
        The file.
    shape : tuple of int
        Shape of the array.
    dtype : str
        Type of the values, as in ``numpy.dtype.str``.
    offset : int
        Bytes before the first value.
    fingerprint : str
        Text that changes with the content.
    checksum : int, default=None
        CRC-32 of the values, which are checked when a process first maps a file that
        it has not written itself, and again if the file has changed since. None maps
        them unchecked.

    Notes
    -----
    A file that another process cuts short while it is mapped ends Python with a bus
    error on most systems: replace such a file as a whole, by renaming.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from sleepkit.recording import MappedArray
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.arange(3, dtype="<f4").tofile(f"{folder}/x.bin")
    ...     np.asarray(MappedArray(f"{folder}/x.bin", (3,), "<f4", 0, "x")).tolist()
    [0.0, 1.0, 2.0]
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    offset: int
    fingerprint: str
    checksum: int | None = None

    @classmethod
    def from_npy(cls, path: Path, fingerprint: str) -> MappedArray:
        """Describe a ``.npy`` file.

        Parameters
        ----------
        path : pathlib.Path
            The file.
        fingerprint : str
            Text that changes with the content.

        Returns
        -------
        MappedArray
            The array, not mapped yet.

        Raises
        ------
        StoreError
            If the file is missing, damaged, shorter than its header says, or not in C
            order.
        """
        try:
            mapped = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            msg = f"{path} is no readable array file: {error}"
            raise StoreError(msg) from error
        if not mapped.flags.c_contiguous:
            msg = f"{path} holds its values in Fortran order; save them in C order."
            raise StoreError(msg)
        return cls(
            str(path), mapped.shape, mapped.dtype.str, mapped.offset, fingerprint
        )

    @classmethod
    def save(cls, path: Path, values: Array, fingerprint: str) -> MappedArray:
        """Write values to a ``.npy`` file.

        Parameters
        ----------
        path : pathlib.Path
            The file.
        values : ndarray
            The values, in C order.
        fingerprint : str
            Text that changes with the content.

        Returns
        -------
        MappedArray
            The array, with its checksum.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        np.save(path, values)
        array = cls.from_npy(path, fingerprint)
        array = replace(array, checksum=_checksum_of(values))
        _CHECKED.add(array._checked_as(file_state(path)))
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Map the file, read-only."""
        return np.array(self.map(), dtype=dtype, copy=copy)

    def map(self) -> np.memmap[Any, Any]:
        """Map the file, read-only.

        Returns
        -------
        ndarray
            The values; what a process has not read is not in its memory.

        Raises
        ------
        StoreError
            If the file is missing or too short, or its values differ from the checksum.
        """
        try:
            mapped = np.memmap(
                self.path,
                dtype=self.dtype,
                mode="r",
                offset=self.offset,
                shape=self.shape,
            )
            state = file_state(Path(self.path))
        except (OSError, ValueError) as error:
            msg = f"{self.path} was there, but cannot be mapped any more: {error}"
            raise StoreError(msg) from error
        if self.checksum is not None:
            self._check(mapped, state)
        return mapped

    def take(self, indices: IntArray, axis: int) -> Array:
        """Copy some of the values, which are all that is read of the file.

        Parameters
        ----------
        indices : ndarray of int
            Places on the axis, of any shape; those outside take the nearest one.
        axis : int
            The axis, 0 or 1.

        Returns
        -------
        ndarray
            The values; the shape of `indices` stands in place of the axis.

        Raises
        ------
        StoreError
            As `map` does.
        """
        mapped = self.map()
        _announce(mapped, indices.clip(0, self.shape[axis] - 1), axis)
        return mapped.take(indices, axis=axis, mode="clip")

    def _check(self, values: Array, state: FileState) -> None:
        """Compare the values with the checksum, unless this file was right before."""
        checked_as = self._checked_as(state)
        if checked_as in _CHECKED:
            return
        if _checksum_of(values) != self.checksum:
            msg = f"{self.path} is damaged: its values differ from their checksum."
            raise StoreError(msg)
        _CHECKED.add(checked_as)

    def _checked_as(self, state: FileState) -> tuple[Any, ...]:
        """All that a check of the values depends on."""
        return self.checksum, self.shape, self.dtype, self.offset, state


def _announce(mapped: np.memmap[Any, Any], indices: IntArray, axis: int) -> None:
    """Announce to the system which values come next, where it takes that.

    It reads them at once and nothing else. Left to itself it waits at each page, and
    reads megabytes around it, often the whole night for a few epochs.
    """
    file: Any = mapped.base
    if not indices.size or not hasattr(file, "madvise"):
        return
    file.madvise(mmap.MADV_RANDOM)
    places = np.unique(indices)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    first_value = mapped.offset % mmap.ALLOCATIONGRANULARITY
    for row in range(len(mapped) if axis else 1):
        begin = first_value + row * mapped.strides[0]
        for run in runs:
            start, stop = begin + mapped.strides[axis] * np.array([run[0], run[-1] + 1])
            start -= start % mmap.PAGESIZE
            file.madvise(mmap.MADV_WILLNEED, int(start), int(stop - start))


def _checksum_of(values: Array) -> int:
    """CRC-32 of the values of an array in C order; fast, and enough for damage."""
    return zlib.crc32(values.reshape(-1).view(np.uint8).data)
