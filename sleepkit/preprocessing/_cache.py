"""Cache of the steps before it in a Pipeline."""

from __future__ import annotations

from os import PathLike
from typing import Any

from sleepkit._typing import FloatArray
from sleepkit.preprocessing._base import EpochTransformer
from sleepkit.recording import EpochArray


class Cache(EpochTransformer):
    """Cache on disk that computes each recording once for all folds and workers.

    The output of the steps before the cache is written to a folder when it is first
    read, and memory-mapped from there afterwards. Its cache key stands for the source,
    the steps, their parameters and the versions of the code. Put the cache behind the
    stateless steps, and before the first one that is fitted to data (`SignalScaler` or
    `SpectrumScaler` with ``per="training"``): fitted values differ between folds, so
    each fold would store all recordings again.

    Parameters
    ----------
    directory : str or path-like
        The folder, which several pipelines may share; created when first written to.
        Nothing is ever removed from it.

    Notes
    -----
    ``Pipeline(memory=...)`` does not do this: a transformer of recordings is lazy, so
    only its steps would be stored. Plain arrays pass unchanged; for them use
    ``Pipeline(memory=...)``.

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
        """Add the folder to each recording."""
        return X.cached(self.directory)

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Return the array as it is."""
        return X
