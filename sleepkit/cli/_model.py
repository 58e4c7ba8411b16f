"""Model files as the command writes and reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from sleepkit.cli._nights import MODALITIES
from sleepkit.evaluation import StagingResult
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.recording import EpochArray


class Model(NamedTuple):
    """A trained stager, and what the command must know of it."""

    stager: Any
    method: str
    modalities: list[str]
    known: Collection[str]  # hashes of people and files

    def has_met(self, name: str) -> bool:
        """Tell whether it learnt from a person of this name, or a file of this hash."""
        return name in self.known or _hash(name) in self.known


def save(
    path: Path,
    stager: Pipeline,
    method: str,
    X: EpochArray,
    result: StagingResult | None,
    files: Sequence[str] = (),
) -> None:
    """Write a model file, with what it was trained on and what it reached.

    People and files are named by hashes, by which `Model.has_met` knows them again.
    """
    about: dict[str, Any] = {
        "method": method,
        "modalities": [name for name in MODALITIES if name in X.modalities],
        "nights": len(X.recordings),
        "epochs": len(X),
        "people": sorted(_hash(subject) for subject in np.unique(X.subject)),
        "files": sorted(files),
    }
    if result is not None:
        scores = result.scores()
        rows = zip(*scores.values(), strict=True)
        about["scores"] = [
            dict(zip(scores, row, strict=True)) for row in rows if row[0] == method
        ]
        kept = ("scoring_window", "conditions", "random_state", "versions")
        about["protocol"] = {name: result.protocol[name] for name in kept}
    save_model(stager, path, about=about)


def open_model(path: Path) -> Model:
    """Read a model file."""
    about = model_info(path)["about"]
    named = about.get("modalities", ())
    modalities = [name for name in MODALITIES if name in named]
    if not modalities:
        msg = (
            f"{path} does not say that it takes any of {', '.join(MODALITIES)}; write "
            "it with `sleepkit train`."
        )
        raise ModelFileError(msg)
    known = {str(name) for key in ("people", "files") for name in about.get(key, ())}
    method = str(about.get("method", path.name))
    return Model(load_model(path), method, modalities, known)


def _hash(subject: str) -> str:
    """Replace the name of a person; who guesses the name can tell that it is right."""
    return hashlib.sha256(str(subject).encode()).hexdigest()[:16]
