"""Training of the stagers that come with sleepkit."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline

from sleepkit import metrics, persistence, preprocessing
from sleepkit._stages import N_STAGES
from sleepkit._typing import FloatArray
from sleepkit.classifiers import LogPoolClassifier
from sleepkit.exceptions import SleepkitError, SleepkitWarning
from sleepkit.pipelines import TrainingReference
from sleepkit.pretrained._cards import card_texts, summarize
from sleepkit.pretrained._feature_nights import digest_of, find_nights, read_nights
from sleepkit.pretrained._members import (
    SHARES,
    calibrate,
    pool_members,
    split_subjects,
    train_member,
)
from sleepkit.pretrained._recipe import MODALITIES, Recipe, randomise, simulate
from sleepkit.recording import EpochArray
from sleepkit.utils import hash_name, library_digest, write_atomically

_SETTINGS: Final = "settings.json"
_N_REFERENCE: Final = 60  # training nights that the warnings compare with


def pretrain(
    nights: str | PathLike[str] | None,
    out: str | PathLike[str],
    *,
    work: str | PathLike[str] | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    n_jobs: int = 1,
) -> list[Path]:
    """Train the stagers that come with sleepkit, and write model files and cards.

    Parameters
    ----------
    nights : path-like or None
        Folder of real feature nights; the error names what they are.
    out : path-like
        Folder of the model files and cards; made where there is none.
    work : path-like, default=None
        Folder of intermediate results, from which an interrupted call goes on; None is
        ``work`` in `out`.
    recipe : Recipe, default=None
        Numbers of the training; None takes the defaults.
    seed : int, default=0
        Seed of everything.
    n_jobs : int, default=1
        Processes that train members side by side.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    RecordingError
        If there are no feature nights.
    SleepkitError
        If `work` keeps another training.

    See Also
    --------
    load_stager : Loads a stager that was trained by this function.

    Notes
    -----
    Nights are simulated, randomised and turned into features; the members are
    trained, and calibrated on subjects held out of that; and the scores of the cards
    are those of further subjects. Files are written whole or not at all.

    Examples
    --------
    >>> from sleepkit.pretrained import pretrain
    >>> pretrain("sleep_edf/nights", "models")           # doctest: +SKIP
    """
    paths = find_nights(None if nights is None else Path(nights))
    recipe, out = recipe or Recipe(), Path(out)
    work = out / "work" if work is None else Path(work)
    for folder in (out, work):
        folder.mkdir(parents=True, exist_ok=True)
    _check_settings(work / _SETTINGS, recipe, seed, digest_of(paths))
    trained = Parallel(n_jobs=n_jobs)(
        delayed(train_member)(name, recipe, seed, paths, work) for name in SHARES
    )
    members = dict(zip(SHARES, trained, strict=True))
    train, weigh, _ = split_subjects(read_nights(paths), recipe)
    bands = calibrate("bands", members.pop("bands"), weigh)
    models = {
        "default": _default(recipe, seed, bands, members),
        "bands": _bands(recipe, bands, paths),
    }
    seen = {str(subject) for part in (train, weigh) for subject in part.subject}
    settings = {
        "recipe": asdict(recipe),
        "seed": seed,
        "subjects": sorted(hash_name(subject) for subject in seen),
    }
    return [
        file
        for name, (stager, about, scores) in models.items()
        for file in _write(out, name, stager, about | settings, scores)
    ]


def _check_settings(path: Path, recipe: Recipe, seed: int, digest: str) -> None:
    """Note what is trained; refuse to go on from another training."""
    settings = {
        "recipe": asdict(recipe),
        "seed": seed,
        "nights": digest,
        "code": library_digest(),
    }
    text = json.dumps(settings)
    if not path.exists():
        write_atomically(path, text.encode())
        return
    before, now = json.loads(path.read_text(encoding="utf-8")), json.loads(text)
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        msg = (
            f"{path.parent} keeps a training with other {', '.join(changed)}; name "
            "another folder, or remove it to begin anew."
        )
        raise SleepkitError(msg)


def _default(
    recipe: Recipe, seed: int, bands: LogPoolClassifier, others: dict[str, Any]
) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """Pool the members; measure the pool on subjects held out of it."""
    parts = split_subjects(simulate(recipe, seed), recipe)
    train, *held_out = (
        randomise(recipe, part, seed + i) for i, part in enumerate(parts)
    )
    weigh, test = (part.materialize() for part in held_out)  # staged several times
    members = {name: calibrate(name, each, weigh) for name, each in others.items()}
    pool = pool_members({"bands": bands, **members}, weigh)
    steps = {
        "channels": preprocessing.FixedChannels(),
        "quality": preprocessing.QualityMask(),
    }
    before = Pipeline([*steps.items()]).fit(weigh)
    stager = Pipeline([*before.steps, ("stage", pool)])
    scores, confidence = _score(stager, test, (*MODALITIES, "eeg+eog"))
    some = EpochArray(train.recordings[:_N_REFERENCE])
    reference = TrainingReference.measure(some, confidence)
    about = {
        "modalities": list(MODALITIES),
        "reference": reference.to_json(),
        "scored_on": f"{len(set(test.subject))} held-out simulated subjects",
        "trained_on": (
            f"{len(set(train.subject))} simulated subjects and features of real nights "
            "of Sleep-EDF Expanded"
        ),
    }
    return stager, about, scores


def _bands(
    recipe: Recipe, stager: Any, paths: list[Path]
) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """Measure the stager of band powers on real held-out subjects."""
    train, _, test = split_subjects(read_nights(paths), recipe)
    scores, _ = _score(stager, test, ("eeg", "eog"))
    about = {
        "modalities": ["eeg", "eog"],
        "scored_on": f"{len(set(test.subject))} held-out subjects of these",
        "trained_on": (
            f"features of real nights of {len(set(train.subject))} subjects of "
            "Sleep-EDF Expanded, and of simulated nights"
        ),
    }
    return stager, about, scores


def _score(
    stager: Any, X: EpochArray, subsets: tuple[str, ...]
) -> tuple[dict[str, float], list[float]]:
    """Scores with all modalities and with subsets, and the confidence of each night."""
    y, full = X.hypnogram, _stage(stager, X)
    scores = metrics.staging_scores(y, full.argmax(axis=1))
    scores["calibration error"] = metrics.expected_calibration_error(y, full)
    for subset in subsets:
        predicted = _stage(stager, X.select(subset.split("+"))).argmax(axis=1)
        scores[f"kappa, {subset}"] = metrics.staging_scores(y, predicted)["kappa"]
    confidence = full.max(axis=1)
    return scores, [float(confidence[rows].mean()) for _, rows, _ in X.by_recording()]


def _stage(stager: Any, X: EpochArray) -> FloatArray:
    """Probabilities of the five stages; some epochs may have no valid signal."""
    proba = np.zeros((len(X), N_STAGES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SleepkitWarning)
        proba[:, stager.classes_] = stager.predict_proba(X)
    return proba


def _write(
    out: Path, name: str, stager: Any, about: dict[str, Any], scores: dict[str, float]
) -> list[Path]:
    """Write a model file and its card."""
    model, card = out / f"{name}.model", out / f"{name}.md"
    about |= card_texts(name) | {
        "method": name,
        "summary": summarize(name, scores, about["trained_on"], about["scored_on"]),
        "scores": [{"estimator": name, **scores}],
    }
    persistence.save_model(stager, model, about=about)
    text = persistence.model_card(model).to_markdown()
    write_atomically(card, f"{text}\n".encode())
    return [model, card]
