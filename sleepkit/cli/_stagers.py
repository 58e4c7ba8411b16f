"""The pipeline that the command trains, and what it learns from nights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from sleepkit._stages import N_STAGES, STAGES, UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import HypnogramError
from sleepkit.preprocessing import BandPower, FitOnSelected, QualityMask
from sleepkit.recording import EpochArray, Recording, as_epoch_array

_MAX_FOLDS: Final = 5
_MANY_EPOCHS: Final = 5_000  # with fewer, starting processes takes longer


class Score(NamedTuple):
    """How well stages agree with an expert's."""

    accuracy: float
    kappa: float
    f1_macro: float


def make_stager() -> Pipeline:
    """Make the pipeline: band powers of each epoch, then boosted trees.

    Powers relative to the night and those of the neighbours are what helps most with
    people who were not trained on.
    """
    trees = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        max_bins=63,
        early_stopping=False,  # its inner split would not be by subject
        random_state=0,
    )
    power = BandPower(normalize="append", context=2)
    return Pipeline(
        [("quality", QualityMask()), ("power", power), ("stage", FitOnSelected(trees))]
    )


def describe(stager: Pipeline, nights: Sequence[Recording]) -> EpochArray:
    """Compute the features of scored nights, each once; fits all but the last step."""
    features = stager[:-1].fit(list(nights))
    described = [
        features.transform(night).recordings[0].load()
        for night in tqdm(nights, desc="reading", unit="night", disable=None)
    ]
    return EpochArray(described)


def fit(stager: Pipeline, X: EpochArray) -> None:
    """Fit the last step on features."""
    found = np.unique(X.hypnogram)
    if len(found) < 2:
        names = ", ".join(STAGES[stage] for stage in found)
        msg = f"Training needs epochs of at least two stages; the nights have: {names}."
        raise HypnogramError(msg)
    stager[-1].fit(X, X.hypnogram)


def cross_validate(stager: Pipeline, X: EpochArray) -> dict[str, Score]:
    """Score the stager on people left out of training, beside two ways of guessing."""
    y = X.hypnogram
    most = int(np.bincount(y).argmax())
    by_share = DummyClassifier(strategy="stratified", random_state=0)
    predicted = {
        "this stager": _predict_left_out(clone(stager[-1]), X),
        "guessing by share": _predict_left_out(by_share, X),
        f"always {STAGES[most]}": np.full_like(y, most),
    }
    return {name: score(y, stages) for name, stages in predicted.items()}


def score(y: IntArray, predicted: IntArray) -> Score:
    """Compare stages with those of an expert."""
    return Score(
        float(accuracy_score(y, predicted)),
        float(cohen_kappa_score(y, predicted)),
        float(f1_score(y, predicted, average="macro", zero_division=0.0)),
    )


def stage_night(stager: Any, night: Recording) -> tuple[IntArray, FloatArray]:
    """Stage all epochs of a night.

    Without any usable signal an epoch stays unscored, with probabilities of NaN.
    """
    probabilities = np.zeros((night.n_epochs, N_STAGES))
    probabilities[:, stager.classes_] = stager.predict_proba(night)
    stages = probabilities.argmax(axis=1)
    checked = QualityMask().fit_transform(as_epoch_array(night))
    usable = np.any(list(checked.valid.values()), axis=0)
    stages[~usable] = UNSCORED
    probabilities[~usable] = np.nan
    return stages, probabilities


def _predict_left_out(classifier: Any, X: EpochArray) -> IntArray:
    """Predict the stages of each person by a classifier that was trained on others."""
    folds = min(_MAX_FOLDS, len(np.unique(X.subject)))
    predicted: IntArray = cross_val_predict(
        classifier,
        X,
        X.hypnogram,
        groups=X.subject,
        cv=GroupKFold(folds),
        n_jobs=-1 if len(X) > _MANY_EPOCHS else None,
    )
    return predicted
