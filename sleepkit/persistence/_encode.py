"""Encoding of a fitted estimator as JSON and arrays."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._foreign import dump_foreign
from sleepkit.persistence._history import plain_history
from sleepkit.persistence._net import HELD_BY_NET, has_net, net_state
from sleepkit.persistence._registry import name_of
from sleepkit.preprocessing import Cache, Scaling

PIPELINE_PARAMETERS: Final = ("transform_input", "verbose")
_ONLY_FOR_TRAINING: Final = {"callbacks", "random_state"}
# Other models, of which a fitted one needs nothing more.
_LEFT_OUT: Final = {"teacher", "warm_start_from"}
_FITTED: Final = re.compile(r"[a-z]\w*_|_sklearn_output_config")


def is_fitted_name(name: str) -> bool:
    """Whether an attribute is one that `fit` or `set_output` sets."""
    return bool(_FITTED.fullmatch(name))


class Encoder:
    """Encoder of a model; it collects arrays and other parts that JSON cannot hold.

    The key of a JSON object names the type, as in ``{"tuple": [...]}``; `Decoder` reads
    it.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Arrays by place: the path of names from the model to the value.
    foreign : list of dict of str to bytes
        Members of estimators that are not sleepkit's.
    left_out : list of str
        Places of parameters that only training needs and JSON cannot hold.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self.foreign: list[dict[str, bytes]] = []
        self.left_out: list[str] = []
        self._numbers: dict[int, int] = {}  # of estimators, by identity

    def encode(self, value: Any, place: str) -> Any:
        """Encode a value; ``place`` is its path in arrays and messages."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, BaseEstimator):
            return self._estimator(value, place)
        if isinstance(value, np.ndarray):
            return self._array(value, place)
        if isinstance(value, PathLike):
            return self.encode(fspath(value), place)
        return self._container(value, place)

    def _container(self, value: Any, place: str) -> Any:
        """Encode a container of other values."""
        if isinstance(value, Mapping):
            pairs = [
                [self.encode(k, place), self.encode(v, f"{place}.{k}")]
                for k, v in value.items()
            ]
            return {"dict": pairs}
        if isinstance(value, Scaling):
            return {"scaling": self.encode(value._asdict(), place)}
        if isinstance(value, (list, range)):
            return self._items(value, place)
        if type(value) is tuple:
            return {"tuple": self._items(value, place)}
        if isinstance(value, type):
            msg = (
                f"its {place} is the class {value.__module__}.{value.__qualname__}. A "
                "model file cannot name code to run, so that any file is safe to load; "
                "save this model with joblib.dump, for you alone to load."
            )
            raise ModelFileError(msg)
        msg = (
            f"its {place} has type {type(value).__name__}, which cannot be stored in a "
            "model file."
        )
        raise ModelFileError(msg)

    def _items(self, values: Any, place: str) -> list[Any]:
        """Encode a sequence."""
        return [self.encode(value, f"{place}.{i}") for i, value in enumerate(values)]

    def _array(self, values: Array, place: str) -> Any:
        """Collect an array of numbers; encode text in the JSON."""
        if values.dtype.kind in "OU" and all(isinstance(v, str) for v in values.flat):
            return {"text": values.tolist(), "dtype": values.dtype.str}
        if values.dtype.kind not in "biuf":
            msg = (
                f"its {place} is an array of {values.dtype}, which cannot be stored in "
                "a model file."
            )
            raise ModelFileError(msg)
        key = place
        while key in self.arrays:
            key += "_"
        self.arrays[key] = np.ascontiguousarray(values).reshape(values.shape)
        return {"array": key}

    def _estimator(self, estimator: Any, place: str) -> Any:
        """Encode an estimator once; where it occurs again, its number."""
        known = self._numbers.get(id(estimator))
        if known is not None:
            return {"again": known}
        node = self._new_estimator(estimator, place)
        self._numbers[id(estimator)] = len(self._numbers)
        return node

    def _new_estimator(self, estimator: Any, place: str) -> Any:
        """Encode an estimator: a Pipeline, one of sleepkit's, or another one."""
        if type(estimator) is Pipeline:
            return self._pipeline(estimator, place)
        name = name_of(estimator)
        if name is None:
            self.foreign.append(dump_foreign(estimator))
            return {"foreign": str(len(self.foreign) - 1)}
        parameters = estimator.get_params(deep=False)
        node = {
            "class": name,
            "parameters": {
                key: self._parameter(estimator, key, value, join(place, key))
                for key, value in parameters.items()
            },
            "fitted": {
                key: self.encode(value, join(place, key))
                for key, value in vars(estimator).items()
                if is_fitted_name(key) and key not in {*parameters, *HELD_BY_NET}
            },
        }
        if has_net(estimator):
            node["net"] = self.encode(net_state(estimator), join(place, "net"))
            node["history"] = plain_history(estimator.net_.history)
        return node

    def _pipeline(self, pipeline: Pipeline, place: str) -> Any:
        """Encode the steps of a Pipeline, without the folders of its caches."""
        steps = []
        for name, step in pipeline.steps:
            where = join(place, name)
            if isinstance(step, Cache):
                self.left_out.append(where)
                step = "passthrough"
            steps.append([name, self.encode(step, where)])
        parameters = {name: getattr(pipeline, name) for name in PIPELINE_PARAMETERS}
        return {"pipeline": steps, "parameters": parameters}

    def _parameter(self, estimator: Any, name: str, value: Any, place: str) -> Any:
        """Encode a parameter, or its default if only training needs the value."""
        if name in _LEFT_OUT:
            if value is not None:
                self.left_out.append(place)
            return None
        try:
            return self.encode(value, place)
        except ModelFileError:
            if name not in _ONLY_FOR_TRAINING:
                raise
        self.left_out.append(place)
        default = inspect.signature(type(estimator)).parameters[name].default
        return self.encode(default, place)


def join(place: str, name: str) -> str:
    """Join a place and a name; the model itself has an empty place."""
    return f"{place}.{name}" if place else name
