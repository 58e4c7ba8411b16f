"""Files of HDF5, by h5py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sleepkit._typing import Array
from sleepkit.exceptions import RecordingError
from sleepkit.utils import optional_import


def open_hdf5(path: Path) -> Any:
    """Open a file for reading, its header only."""
    h5py = optional_import("h5py", extra="hdf5")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        msg = f"{path} cannot be read as an HDF5 file: {error}"
        raise RecordingError(msg) from error


def n_values(file: Any, key: str) -> int | None:
    """Length of a flat dataset; None if the file has no such dataset."""
    shape: tuple[int, ...] = getattr(file[key], "shape", ()) if key in file else ()
    return shape[0] if len(shape) == 1 else None


def read_datasets(path: str, keys: Sequence[str]) -> dict[str, Array]:
    """Read whole datasets, by their paths in a file."""
    try:
        with open_hdf5(Path(path)) as file:
            return {key: file[key][()] for key in keys}
    except (KeyError, OSError) as error:
        msg = f"{path} is damaged: {error}"
        raise RecordingError(msg) from error
