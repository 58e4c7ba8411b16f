"""Estimators that are not sleepkit's: stored by skops, with trusted types only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import sklearn
from sklearn.base import BaseEstimator

from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._archive import parse_json
from sleepkit.persistence._registry import estimators
from sleepkit.preprocessing import Scaling


def dump_foreign(estimator: Any) -> dict[str, bytes]:
    """Turn an estimator into members of an archive: arrays and a description."""
    _check_no_nets(estimator)
    content = _skops().dumps(estimator)
    _check_types(content, "; joblib.dump can save it, for you alone to load")
    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def load_foreign(members: Mapping[str, bytes]) -> Any:
    """Build an estimator from trusted types only."""
    _check_arrays(members)
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    content = buffer.getvalue()
    _check_types(content)
    estimator = _skops().loads(content, trusted=_trusted_types())
    _check_trees(estimator)
    return estimator


def _check_arrays(members: Mapping[str, bytes]) -> None:
    """Require that the description names each array once, so that each is read once."""
    described = members["schema.json"]
    named = list(_files(parse_json("schema.json", described)))
    if sorted(named) != sorted(members.keys() - {"schema.json"}):
        msg = "it is damaged: its arrays are not those that its schema.json names."
        raise ModelFileError(msg)


def _files(node: Any) -> Iterator[str]:
    """Yield the name of a file each time that skops would read it.

    skops reads a node once where several have one id.
    """
    waiting, seen = [node], set[tuple[str, str]]()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting += node.values()
            name, number = str(node.get("file")), str(node.get("__id__") or "")
            if "file" in node and (name, number) not in seen:
                yield name
            if number:
                seen.add((name, number))
        elif isinstance(node, list):
            waiting += node


def _check_no_nets(estimator: Any) -> None:
    """Raise if an estimator holds a classifier of sleepkit, whose net skops refuses."""
    for part in _parts(estimator, set()):
        kind = type(part)
        if kind.__module__.startswith("sleepkit.classifiers."):
            msg = (
                f"it holds {kind.__qualname__} within {type(estimator).__name__}; a "
                "classifier of sleepkit can only be saved alone or as a step of a "
                "Pipeline, so use joblib for this estimator."
            )
            raise ModelFileError(msg)


def _check_types(content: bytes, way_out: str = "") -> None:
    """Raise if there are types that are not trusted, and name them."""
    found = {*_skops().get_untrusted_types(data=content)} - {*_trusted_types()}
    if found:
        names = ", ".join(sorted(found))
        msg = f"it holds {names}, which no model file may hold{way_out}."
        raise ModelFileError(msg)


def _skops() -> Any:
    """Import skops on use: it imports all of scikit-learn, and torch."""
    return import_module("skops.io")


def _trusted_types() -> list[str]:
    """List the trusted types besides those that skops trusts."""
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    kinds = (TreePredictor, Scaling, *estimators("preprocessing").values())
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]


def _check_trees(estimator: Any) -> None:
    """Raise if a decision tree has indices outside its nodes or features.

    scikit-learn follows these indices in compiled code without a check, so that a
    manipulated file could read any memory. This is why skops does not trust trees.
    """
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )

    for part in _parts(estimator, set()):
        if isinstance(part, BaseHistGradientBoosting) and not _has_valid_trees(part):
            msg = (
                "it holds a decision tree that is invalid for scikit-learn "
                f"{sklearn.__version__}; train the model again."
            )
            raise ModelFileError(msg)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield an estimator and all estimators within it."""
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


def _has_valid_trees(ensemble: Any) -> bool:
    """Whether all trees of an ensemble have valid indices."""
    trees = [tree for trees in getattr(ensemble, "_predictors", ()) for tree in trees]
    return not trees or (
        ensemble._preprocessor is None  # it could change the number of features
        and all(_is_valid_tree(tree.nodes, ensemble.n_features_in_) for tree in trees)
    )


def _is_valid_tree(nodes: Array, n_features: int) -> bool:
    """Whether every split has a numerical feature and leads to later nodes."""
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
