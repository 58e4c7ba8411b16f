"""Finished folds on disk, so that a killed run goes on where it was."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit.evaluation._fold import Outcome, Staged
from sleepkit.utils import write_atomically

_DIGEST_SIZE = hashlib.sha256().digest_size


class KeptFolds:
    """A folder with a file for each finished fold; without a folder, nothing is kept.

    A file is named by all that its content depends on. It appears whole or not at all,
    and one that is damaged is done again: it begins with a digest of the rest.
    """

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    def read(self, identity: Any) -> Outcome | None:
        """Find what was kept."""
        path = self._path(identity)
        if path is None or not path.exists():
            return None
        content = path.read_bytes()
        digest, content = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        whole = digest == hashlib.sha256(content).digest()
        return _unpack(content) if whole else None

    def write(self, identity: Any, outcome: Outcome) -> None:
        """Keep what is finished."""
        path = self._path(identity)
        if path is not None:
            content = _pack(outcome)
            write_atomically(path, hashlib.sha256(content).digest() + content)

    def _path(self, identity: Any) -> Path | None:
        """Name the file."""
        if self.directory is None:
            return None
        text = json.dumps(identity, sort_keys=True).encode()
        return self.directory / f"{hashlib.sha256(text).hexdigest()[:24]}.fold"


def _pack(outcome: Outcome) -> bytes:
    """Make the content of a file."""
    arrays: dict[str, Any] = {"seconds": np.array(json.dumps(outcome.seconds()))}
    for name, staged in outcome.staged.items():
        arrays[f"stages/{name}"] = staged.stages
        arrays[f"proba/{name}"] = staged.proba
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _unpack(content: bytes) -> Outcome:
    """Read the content of a file."""
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        seconds = json.loads(str(arrays["seconds"]))
        staged = {
            name: Staged(arrays[f"stages/{name}"], arrays[f"proba/{name}"], lasted)
            for name, lasted in seconds["stage"].items()
        }
    return Outcome(seconds["fit"], staged)
