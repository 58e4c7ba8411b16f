"""From JSON and arrays to a fitted estimator, believing neither."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

import sleepkit
from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._encode import PIPELINE_PARAMETERS, is_fitted_name
from sleepkit.persistence._foreign import load_foreign
from sleepkit.persistence._history import check_history
from sleepkit.persistence._net import restore_net
from sleepkit.persistence._registry import find_class
from sleepkit.preprocessing import Scaling


class Decoder:
    """Builds what `Encoder` took apart.

    Only classes that `find_class` lists are called, with keywords that they have.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Numbers; each is used once.
    foreign : mapping of str to mapping of str to bytes
        Parts of other people's estimators; each is used once.
    """

    def __init__(
        self, arrays: Mapping[str, Array], foreign: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        self._arrays = dict(arrays)
        self._foreign = dict(foreign)
        self._marks: dict[str, Callable[[Any], Any]] = {
            "array": lambda node: self._arrays.pop(node["array"]),
            "class": self._estimator,
            "dict": self._dict,
            "pipeline": self._pipeline,
            "scaling": self._scaling,
            "foreign": lambda node: load_foreign(self._foreign.pop(node["foreign"])),
            "text": lambda node: np.array(node["text"], dtype=_text_type(node)),
            "tuple": lambda node: tuple(self.decode(node["tuple"])),
        }

    def decode(self, node: Any) -> Any:
        """Decode a value."""
        if isinstance(node, list):
            return [self.decode(value) for value in node]
        if isinstance(node, dict):
            return self._marks[next(iter(node), "")](node)
        return node

    def _dict(self, node: dict[str, Any]) -> dict[Any, Any]:
        """Decode pairs of key and value."""
        return {self.decode(key): self.decode(value) for key, value in node["dict"]}

    def _scaling(self, node: dict[str, Any]) -> Scaling:
        """Decode what a scaler learnt."""
        return Scaling(**self.decode(node["scaling"]))

    def _pipeline(self, node: dict[str, Any]) -> Pipeline:
        """Decode a Pipeline."""
        steps = [(name, self.decode(step)) for name, step in node["pipeline"]]
        known = {name: node["parameters"][name] for name in PIPELINE_PARAMETERS}
        return Pipeline(steps, **known)

    def _estimator(self, node: dict[str, Any]) -> Any:
        """Make one of sleepkit's estimators, and set what it had learnt."""
        kind = find_class(node["class"])
        parameters = self._values(node["parameters"])
        for name in parameters.keys() - inspect.signature(kind).parameters.keys():
            msg = (
                f"its {kind.__name__} has the parameter {name!r}, which sleepkit "
                f"{sleepkit.__version__} does not know."
            )
            raise ModelFileError(msg)
        estimator = kind(**parameters)
        for name, value in self._values(node["fitted"]).items():
            if not is_fitted_name(name) or hasattr(kind, name):
                msg = f"its {kind.__name__} claims to have learnt {name!r}."
                raise ModelFileError(msg)
            setattr(estimator, name, value)
        if "net" in node:
            history = check_history(node.get("history", []))
            restore_net(estimator, self.decode(node["net"]), history)
        return estimator

    def _values(self, nodes: dict[str, Any]) -> dict[str, Any]:
        """Decode values that have names."""
        return {name: self.decode(value) for name, value in nodes.items()}


def _text_type(node: dict[str, Any]) -> Any:
    """Choose between text of fixed length, as long as needed, and objects."""
    return np.object_ if node["dtype"] == "|O" else np.str_
