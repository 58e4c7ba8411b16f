"""Computing many nights, each once."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

from joblib import Parallel, delayed

from sleepkit.recording._recording import Recording


def materialize(
    recordings: Iterable[Recording],
    directory: str | PathLike[str] | None,
    n_jobs: int | None,
) -> list[Recording]:
    """Compute recordings into memory (by threads) or into a store (by processes)."""
    if directory is None:
        parallel = Parallel(n_jobs=n_jobs, prefer="threads")
        return list(parallel(delayed(Recording.load)(r) for r in recordings))
    stored = [recording.cached(str(directory)) for recording in recordings]
    computed = Parallel(n_jobs=n_jobs)(delayed(Recording.compute)(r) for r in stored)
    return [r.with_signals(c.signals) for r, c in zip(stored, computed, strict=True)]
