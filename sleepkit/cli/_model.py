"""Model files as the command writes and reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
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
    people: Collection[str]  # by their hashes

    def has_met(self, subject: str) -> bool:
        """Tell whether it was trained on somebody of this name."""
        return _hash(subject) in self.people


def save(
    path: Path,
    stager: Pipeline,
    method: str,
    X: EpochArray,
    result: StagingResult | None,
) -> None:
    """Write a model file, with what it was trained on and what it reached.

    People are named by hashes, by which `Model.has_met` knows them again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "method": method,
        "modalities": [name for name in MODALITIES if name in X.modalities],
        "nights": len(X.recordings),
        "epochs": len(X),
        "people": sorted(_hash(subject) for subject in np.unique(X.subject)),
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
    people = frozenset(map(str, about.get("people", ())))
    method = str(about.get("method", path.name))
    return Model(load_model(path), method, modalities, people)


def _hash(subject: str) -> str:
    """Replace the name of a person by what does not tell it."""
    return hashlib.sha256(str(subject).encode()).hexdigest()[:16]
