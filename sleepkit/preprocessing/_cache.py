"""A step of a Pipeline that keeps what the steps before it computed."""

from __future__ import annotations

from os import PathLike
from typing import Any

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import EpochTransformer
from sleepkit.recording import EpochArray


class Cache(EpochTransformer):
    """Compute each night once, for all folds, candidates and workers.

    What the steps before the cache make of a night is written to a folder when first
    asked for, and mapped from there ever after, under a name that stands for the
    source, the steps, their parameters and the versions of the packages. Put it behind
    the steps that learn nothing, and before the first one that does (`SignalScaler` or
    `SpectrumScaler` with ``per="training"``): what was learnt differs from fold to
    fold, and each fold would fill the folder anew.

    Parameters
    ----------
    directory : str or path-like
        The folder, shared by whoever names it; made when first written to. Nothing is
        ever removed from it.

    Notes
    -----
    ``Pipeline(memory=...)`` does not do this: a transformer of nights returns a recipe,
    and the recipe is what would be kept. Plain arrays pass unchanged; for them
    ``Pipeline(memory=...)`` serves.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from sleepkit.preprocessing import Cache
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eeg = Signal(np.ones((1, 6000)), 100)
    >>> X = EpochArray([Recording(id="n", subject="s", signals={"eeg": eeg})])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.asarray(Cache(folder).fit_transform(X)).shape
    (2, 1, 3000)
    """

    def __init__(self, directory: str | PathLike[str]) -> None:
        self.directory = directory

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Check the parameter."""
        if not isinstance(self.directory, (str, PathLike)):
            msg = (
                "The 'directory' parameter of Cache must be the path of a folder. "
                f"Got {self.directory!r} instead."
            )
            raise TypeError(msg)

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Note where the results are to be kept."""
        return X.cached(self.directory)

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Return the array as it is."""
        return X
