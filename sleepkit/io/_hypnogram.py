"""Hypnogram: the stage of each epoch, and the time of the first one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.exceptions import HypnogramError
from sleepkit.utils import check_positive, check_stages


@dataclass(frozen=True, eq=False)
class Hypnogram:
    """Sleep stages on an epoch grid, with the time of the first epoch.

    ``np.asarray(hypnogram)`` returns the stages.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,)
        Stage codes 0 W, 1 N1, 2 N2, 3 N3, 4 REM, and -1 unscored.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    onset : float, default=0.0
        Seconds from the start of the file to the first epoch; negative if scoring
        begins before the file.
    start : datetime, default=None
        Start of the file by its header; None if unknown.
    probabilities : array-like of shape (n_epochs, 5), default=None
        Probability of each stage, if the file has them.
    scorer : str, default=None
        Name of the scorer; None if unknown.

    Raises
    ------
    HypnogramError
        If `stages` are not stage codes, or `probabilities` does not match them.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.io import Hypnogram
    >>> hypnogram = Hypnogram([0, 0, 1, -1])
    >>> np.asarray(hypnogram)
    array([ 0,  0,  1, -1], dtype=int8)
    """

    stages: IntArray
    epoch_duration: float = 30.0
    onset: float = 0.0
    start: datetime | None = None
    probabilities: FloatArray | None = None
    scorer: str | None = None

    def __post_init__(self) -> None:
        """Validate the fields, and make the arrays read-only."""
        stages = check_stages(
            "stages", self.stages, owner="Hypnogram", empty=True, error=HypnogramError
        )
        self._freeze("stages", stages.astype(np.int8))
        duration = check_positive(
            "epoch_duration", self.epoch_duration, owner="Hypnogram"
        )
        object.__setattr__(self, "epoch_duration", duration)
        if self.probabilities is not None:
            probabilities = np.array(self.probabilities)
            if probabilities.shape != (len(stages), N_STAGES):
                msg = (
                    "probabilities must have the shape (n_epochs, n_stages) = "
                    f"{(len(stages), N_STAGES)}; got {probabilities.shape}."
                )
                raise HypnogramError(msg)
            self._freeze("probabilities", probabilities)

    def _freeze(self, name: str, array: Array) -> None:
        """Store a read-only array."""
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.stages)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.stages, dtype=dtype, copy=copy)
