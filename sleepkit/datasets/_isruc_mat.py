"""The channels that ISRUC-Sleep extracted to MATLAB files, an epoch a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sleepkit._typing import Array
from sleepkit.exceptions import ChannelError, RecordingError
from sleepkit.utils import FileState, file_state

SFREQ: Final = 200.0
_EPOCH_SAMPLES: Final = 6000  # 30 s


@dataclass(frozen=True)
class MatArray:
    """Lazy array of one modality: each row is a variable, or one minus another."""

    path: str
    rows: tuple[tuple[str, ...], ...]
    n_epochs: int
    state: FileState

    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of samples."""
        return len(self.rows), self.n_epochs * _EPOCH_SAMPLES

    @property
    def fingerprint(self) -> str:
        """Path and state of the file, and the variables that are read."""
        return repr((self.path, self.state, self.rows))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the variables of the rows, and no others."""
        from scipy.io import loadmat

        if file_state(Path(self.path)) != self.state:
            msg = f"{self.path} has changed since it was opened; open it again."
            raise RecordingError(msg)
        names = sorted({name for row in self.rows for name in row})
        try:
            read = loadmat(self.path, variable_names=names)
            values = {name: np.asarray(read[name], np.float32) for name in names}
        except (ValueError, OSError, KeyError, TypeError) as error:
            msg = f"{self.path} is damaged: {error}"
            raise RecordingError(msg) from error
        data = np.empty(self.shape, np.float32)
        for row, (plus, *minus) in zip(data, self.rows, strict=True):
            row[:] = values[plus].ravel()
            for name in minus:
                row -= values[name].ravel()
        return data if dtype is None else data.astype(dtype, copy=False)


def read_mat_header(path: Path) -> dict[str, int]:
    """Variables that hold epochs of a channel, with the numbers of epochs."""
    from scipy.io import whosmat

    try:
        variables = whosmat(path)
    except (ValueError, OSError, NotImplementedError, TypeError) as error:
        msg = f"{path} cannot be read as a MATLAB file: {error}"
        raise RecordingError(msg) from error
    found = {
        name: shape[0]
        for name, shape, _ in variables
        if shape[0] and shape[1:] == (_EPOCH_SAMPLES,)
    }
    if not found:
        msg = f"{path} has no channel of epochs of {_EPOCH_SAMPLES} samples."
        raise RecordingError(msg)
    if len(set(found.values())) > 1:
        msg = f"The channels of {path} differ in their numbers of epochs: {found}."
        raise RecordingError(msg)
    return found


def check_variables(rows: list[tuple[str, ...]], path: Path, known: Any) -> None:
    """Require variables that the file has."""
    absent = sorted({str(n) for row in rows for n in row if n not in known})
    if absent:
        msg = f"{path} has no channel {absent[0]!r}; it has {', '.join(known)}."
        raise ChannelError(msg)
