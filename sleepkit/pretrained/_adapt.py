"""Adaptation of a stager to a laboratory's own nights."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.pipeline import Pipeline

from sleepkit._stages import N_STAGES
from sleepkit.classifiers import LogPoolClassifier, SleepClassifier
from sleepkit.exceptions import SleepkitError
from sleepkit.pretrained._recipe import Recipe, randomise, simulate
from sleepkit.recording import EpochArray, as_epoch_array
from sleepkit.utils import last_step

_SLOWER: Final = 0.3  # times the learning rate of the first training
_CHANGED: Final = ("lr", "max_epochs", "validation_fraction")
_LEAST_REPLAYED: Final = 4  # nights


def adapt(
    stager: Any,
    X: Any,
    y: Any,
    *,
    replay: tuple[Any, Any] | None = None,
    max_epochs: int = 4,
    random_state: int = 0,
) -> Any:
    """Continue the training of a stager on a laboratory's own nights.

    Parameters
    ----------
    stager : estimator
        A fitted classifier of sleepkit, or a Pipeline that ends with one, such as
        `load_stager` returns. It is changed.
    X : EpochArray
        The scored nights.
    y : array-like of shape (n_rows,)
        Their stages.
    replay : tuple of (X, y), default=None
        Earlier nights, mixed into each pass, so that stages which the new nights lack
        are kept. None simulates as many nights as there are new ones, at least 4; that
        takes a stager of signals whose classes are stages from 0 to 4.
    max_epochs : int, default=4
        Passes over the nights.
    random_state : int, default=0
        Seed of the simulated nights.

    Returns
    -------
    estimator
        The stager itself.

    Raises
    ------
    SleepkitError
        If the training of the stager cannot go on, as that of trees, or simulated
        nights are not what it was trained on.

    See Also
    --------
    load_stager : The stagers that come with sleepkit.
    sleepkit.classifiers.SleepClassifier.partial_fit : What it is done by.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.pipelines import make_stager
    >>> from sleepkit.pretrained import adapt
    >>> X, y, _ = make_polysomnography(2, hours=0.2, random_state=0)
    >>> stager = make_stager("medfusesleep", random_state=0)
    >>> stager = stager.set_params(stage__max_epochs=1).fit(X, y)
    >>> adapt(stager, X, y, replay=(X, y), max_epochs=1).predict(X).shape
    (48,)
    """
    features = stager[:-1] if isinstance(stager, Pipeline) else None
    last = last_step(stager)
    nets = _nets(last)
    X = as_epoch_array(X)
    if replay is None:
        replay = _simulated(last, X, random_state)
    before = [net.get_params(deep=False) for net in nets]
    for net in nets:
        # Early stopping could hold the only new subject out.
        net.set_params(
            lr=_SLOWER * net.lr, max_epochs=max_epochs, validation_fraction=0
        )
    try:
        if features is not None and len(features):
            X, replay = (
                features.transform(X),
                (features.transform(replay[0]), replay[1]),
            )
        last.partial_fit(X, y, replay=replay)
    finally:
        for net, params in zip(nets, before, strict=True):
            net.set_params(**{name: params[name] for name in _CHANGED})
    return stager


def _simulated(last: Any, new: EpochArray, seed: int) -> tuple[Any, Any]:
    """Simulate nights by the recipe, with the modalities and stages of new nights."""
    n_nights = max(_LEAST_REPLAYED, len(new.recordings))
    recipe = Recipe(n_subjects=n_nights, n_copies=1)
    X = simulate(recipe, seed)
    names = [name for name in X.modalities if name in new.modalities]
    stages = set(np.asarray(last.classes_).tolist()) <= set(range(N_STAGES))
    first = new.recordings[0].load().signals.values()
    if not names or not stages or not all(each.is_continuous for each in first):
        msg = (
            "adapt needs replay=(X, y) here: the nights that it simulates are signals "
            f"of {', '.join(X.modalities)} with stages from 0 to {N_STAGES - 1}. Got "
            f"{new!r} for a stager of the classes {np.asarray(last.classes_).tolist()}."
        )
        raise SleepkitError(msg)
    X = randomise(recipe, X.select(names), seed)
    X = X[np.isin(X.hypnogram, last.classes_)]
    return X, np.asarray(X.hypnogram)


def _nets(last: Any) -> list[SleepClassifier]:
    """Nets of a stager; refuse one that is something else."""
    members = last.estimators_ if isinstance(last, LogPoolClassifier) else [last]
    ends = [last_step(each) for each in members]
    for end in ends:
        if not isinstance(end, SleepClassifier):
            msg = (
                f"The training of {type(end).__name__} cannot go on: adapt needs nets "
                "of sleepkit."
            )
            raise SleepkitError(msg)
    return ends
