"""Computing many nights, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike

from joblib import Parallel, delayed
from tqdm import tqdm

from sleepkit.recording._recording import Recording


def materialize(
    recordings: Iterable[Recording],
    directory: str | PathLike[str] | None,
    n_jobs: int | None,
    *,
    verbose: bool,
) -> list[Recording]:
    """Compute recordings into memory (by threads) or into a store (by processes)."""
    if directory is None:
        return _run(Recording.load, list(recordings), n_jobs, "threads", verbose)
    stored = [recording.cached(str(directory)) for recording in recordings]
    computed = _run(Recording.compute, stored, n_jobs, None, verbose)
    return [r.with_signals(c.signals) for r, c in zip(stored, computed, strict=True)]


def _run(
    function: Callable[[Recording], Recording],
    recordings: list[Recording],
    n_jobs: int | None,
    prefer: str | None,
    verbose: bool,
) -> list[Recording]:
    """Run a function on every recording, under a progress bar if wanted."""
    # Not every backend can hand over results one by one, as a bar needs them.
    as_they_come = "generator" if verbose else "list"
    parallel = Parallel(n_jobs=n_jobs, prefer=prefer, return_as=as_they_come)
    computed = parallel(delayed(function)(recording) for recording in recordings)
    bar = tqdm(
        computed, "computing", len(recordings), unit="night", disable=not verbose
    )
    return list(bar)
