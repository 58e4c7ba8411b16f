"""The channels that ISRUC-Sleep extracted to MATLAB files, an epoch a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from sleepkit._typing import Array
from sleepkit.exceptions import ChannelError, RecordingError

SFREQ: Final = 200.0
EPOCH_SAMPLES: Final = 6000  # 30 s


def read_variables(path: str, names: Sequence[str]) -> dict[str, Array]:
    """Read whole channels in microvolts, and no others, by their variables."""
    from scipy.io import loadmat

    try:
        read = loadmat(path, variable_names=[*names])
        return {name: np.asarray(read[name], np.float32).ravel() for name in names}
    except (ValueError, OSError, KeyError, TypeError) as error:
        msg = f"{path} is damaged: {error}"
        raise RecordingError(msg) from error


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
        if shape[0] and shape[1:] == (EPOCH_SAMPLES,)
    }
    if not found:
        msg = f"{path} has no channel of epochs of {EPOCH_SAMPLES} samples."
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
