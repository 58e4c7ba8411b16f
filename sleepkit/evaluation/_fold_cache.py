"""Predictions of finished folds on disk, from which an interrupted run resumes."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit.evaluation._fold import FoldPrediction, FoldTask
from sleepkit.utils import write_atomically

_DIGEST_SIZE = hashlib.sha256().digest_size


class FoldCache:
    """A folder with one file for each finished fold; without a folder, no cache.

    A file is named by the cache key of its task. It is written atomically and begins
    with a digest of the rest, so that a damaged file is noticed and computed again.
    """

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    def read(self, task: FoldTask) -> FoldPrediction | None:
        """Return the stored prediction of a task; None where there is none."""
        path = self._path(task)
        if path is None or not path.exists():
            return None
        content = path.read_bytes()
        digest, content = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        intact = digest == hashlib.sha256(content).digest()
        return _unpack(content, task) if intact else None

    def write(self, task: FoldTask, prediction: FoldPrediction) -> None:
        """Store the prediction of a task."""
        path = self._path(task)
        if path is not None:
            content = _pack(prediction)
            write_atomically(path, hashlib.sha256(content).digest() + content)

    def _path(self, task: FoldTask) -> Path | None:
        """Name the file of a task."""
        if self.directory is None:
            return None
        return self.directory / f"{task.cache_key}.fold"


def _pack(prediction: FoldPrediction) -> bytes:
    """Write stages, probabilities and seconds as an npz archive."""
    arrays: dict[str, Any] = {"seconds": np.array(json.dumps(prediction.seconds))}
    for condition, stages in prediction.stages.items():
        arrays[f"stages/{condition}"] = stages
        arrays[f"proba/{condition}"] = prediction.proba[condition]
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _unpack(content: bytes, task: FoldTask) -> FoldPrediction:
    """Read what `_pack` wrote for a task."""
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        seconds = json.loads(str(arrays["seconds"]))
        stages = {name: arrays[f"stages/{name}"] for name in seconds["stage"]}
        proba = {name: arrays[f"proba/{name}"] for name in seconds["stage"]}
    fold = task.fold
    return FoldPrediction(task.name, fold.number, fold.test, stages, proba, seconds)
