"""What a model file may hold: types by name, and trees that stay inside themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator

from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._registry import estimators
from sleepkit.preprocessing._scaling import Scaling

if TYPE_CHECKING:
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )


def trusted_types() -> list[str]:
    """Name the types allowed beside scikit-learn's own that skops trusts."""
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    kinds = (TreePredictor, Scaling, *estimators("preprocessing").values())
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]


def check_trees(estimator: Any) -> None:
    """Require that no tree points outside itself or its features.

    scikit-learn follows these indices in compiled code without checking them, so a
    file made by hand could read any memory; that is why skops does not trust them.
    """
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )

    for part in _parts(estimator, set()):
        if isinstance(part, BaseHistGradientBoosting) and not _is_sound(part):
            msg = (
                "it holds a decision tree that scikit-learn "
                f"{sklearn.__version__} cannot follow; train the model again."
            )
            raise ModelFileError(msg)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Walk an estimator and all that it is made of."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, BaseEstimator):
        yield value
        children = list(vars(value).values())
    elif isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, (list, tuple)):
        children = list(value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        children = value.ravel().tolist()
    else:
        return
    for child in children:
        yield from _parts(child, seen)


def _is_sound(ensemble: BaseHistGradientBoosting) -> bool:
    """Tell whether the trees of an ensemble are fit to be followed."""
    trees = [tree for trees in getattr(ensemble, "_predictors", ()) for tree in trees]
    return not trees or (
        ensemble._preprocessor is None  # it could change the number of features
        and all(_stays_inside(tree.nodes, ensemble.n_features_in_) for tree in trees)
    )


def _stays_inside(nodes: Array, n_features: int) -> bool:
    """Tell whether every split leads to later nodes by a numerical feature."""
    index = np.arange(nodes.size)
    fine = (
        (nodes["left"] > index)
        & (nodes["right"] > index)
        & (np.maximum(nodes["left"], nodes["right"]) < nodes.size)
        & (nodes["feature_idx"] >= 0)
        & (nodes["feature_idx"] < n_features)
        & (nodes["is_categorical"] == 0)
    )
    return bool(nodes.size and (fine | (nodes["is_leaf"] == 1)).all())
