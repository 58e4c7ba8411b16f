"""Model files as the command writes and reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sleepkit import persistence, pipelines, pretrained
from sleepkit._messages import quoted, shortened
from sleepkit.cli._arguments import COHORTS, MODALITIES
from sleepkit.exceptions import ModelFileError
from sleepkit.utils import hash_name

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from sleepkit.evaluation import StagingResult
    from sleepkit.pipelines import TrainingReference
    from sleepkit.recording import EpochArray

_MAX_NAME: Final = 40  # characters of the name of a method


class Model(NamedTuple):
    """A trained stager, and what the model file says of its training."""

    stager: Any
    method: str
    modalities: list[str]
    trained_on: Collection[str]  # hashes of subjects and files
    about: Mapping[str, Any]
    reference: TrainingReference | None  # what its training nights were like

    def exclude(self, subject: str, sha256: str) -> str | None:
        """Reason to leave out a night that the model was trained on."""
        if any(hash_name(name) in self.trained_on for name in _names_of(subject)):
            return f"the model was trained on {subject}"
        if sha256 in self.trained_on:
            return "the model was trained on this night, under another name"
        return None


def _names_of(subject: str) -> list[str]:
    """Names of a subject: loaders of cohorts prefix it, those of folders do not."""
    cohort, _, name = subject.rpartition(":")
    if cohort in COHORTS:
        return [subject, name]
    return [subject, *(f"{each}:{subject}" for each in COHORTS)]


def save(
    path: Path,
    stager: Pipeline,
    method: str,
    X: EpochArray,
    result: StagingResult | None,
    files: Sequence[str] = (),
) -> None:
    """Write a model file, with what it was trained on and its scores.

    Subjects and files are named by hashes, which `Model.exclude` compares.
    """
    about: dict[str, Any] = {
        "method": method,
        "modalities": [name for name in MODALITIES if name in X.modalities],
        "nights": len(X.recordings),
        "epochs": len(X),
        "subjects": sorted(hash_name(subject) for subject in set(X.subject)),
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
    persistence.save_model(stager, path, about=about)


def find_model(model: str | Path | None) -> str | Path:
    """Path or address of a model; a file is found before a name, None is sleepkit's."""
    if model is None:
        return pretrained.model_path()
    if str(model) in pretrained.MODELS and not Path(model).exists():
        return pretrained.model_path(str(model))
    return model


def load(path: str | Path) -> Model:
    """Read a model, of a file or an address."""
    from sleepkit.persistence._model_file import read_model  # torch: help needs none

    stager, info, _ = read_model(path)
    about = info["about"]
    named = _texts(about, "modalities", path)
    modalities: list[str] = [name for name in MODALITIES if name in named]
    if not modalities:
        msg = (
            f"{path} does not say that it takes any of {', '.join(MODALITIES)}; write "
            "it with `sleepkit train`, or in Python with save_model(..., "
            "about={'modalities': [...]})."
        )
        raise ModelFileError(msg)
    hashes = {*_texts(about, "subjects", path), *_texts(about, "files", path)}
    method = shortened(str(about.get("method", Path(path).name)), _MAX_NAME)
    reference = None
    if "reference" in about:
        try:
            reference = pipelines.TrainingReference.from_json(about["reference"])
        except ModelFileError as error:
            msg = f"{path} cannot be loaded as a model: {error}"
            raise ModelFileError(msg) from error
    return Model(stager, method, modalities, hashes, about, reference)


def save_adapted(path: Path, model: Model, X: EpochArray, files: Sequence[str]) -> None:
    """Write a model that was adapted, with what it was trained on before and now."""
    subjects = {hash_name(subject) for subject in set(X.subject)}
    outdated = {"scores", "scored_on", "summary", "protocol", "nights", "epochs"}
    kept = {name: model.about[name] for name in model.about if name not in outdated}
    about = kept | {
        "adapted_on": {"nights": len(X.recordings), "subjects": len(subjects)},
        "subjects": sorted({*model.about.get("subjects", []), *subjects}),
        "files": sorted({*model.about.get("files", []), *files}),
    }
    persistence.save_model(model.stager, path, about=about)


def _texts(about: Mapping[str, Any], key: str, path: str | Path) -> list[str]:
    """List of texts in the description of a model."""
    texts = about.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        msg = (
            f"{path} is damaged: what it says of its {key} must be a list of texts; "
            f"got {quoted(texts)}."
        )
        raise ModelFileError(msg)
    return texts
