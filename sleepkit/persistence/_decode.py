"""Decoding of a fitted estimator from untrusted JSON and arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from sklearn.pipeline import Pipeline

import sleepkit
from sleepkit._messages import quoted
from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._encode import PIPELINE_PARAMETERS, is_fitted_name
from sleepkit.persistence._foreign import load_foreign
from sleepkit.persistence._history import check_history
from sleepkit.persistence._net import restore_net
from sleepkit.persistence._registry import find_class
from sleepkit.preprocessing import Scaling

_MAX_TEXT: Final = 2**22  # characters of an array of texts


class Decoder:
    """Decoder of a model that `Encoder` wrote.

    It calls only classes that `find_class` lists, with parameters that they have.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Arrays by place; each is used once.
    foreign : mapping of str to mapping of str to bytes
        Members of estimators that are not sleepkit's; each is used once.
    """

    def __init__(
        self, arrays: Mapping[str, Array], foreign: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        self._arrays = dict(arrays)
        self._foreign = dict(foreign)
        self._estimators: list[Any] = []  # in the order in which they were encoded
        self._decoders: dict[str, Callable[[Any], Any]] = {
            "again": lambda node: self._estimators[node["again"]],
            "array": lambda node: self._arrays.pop(node["array"]),
            "class": self._numbered(self._estimator),
            "dict": self._dict,
            "pipeline": self._numbered(self._pipeline),
            "scaling": self._scaling,
            "foreign": self._numbered(
                lambda node: load_foreign(self._foreign.pop(node["foreign"]))
            ),
            "text": _text,
            "tuple": lambda node: tuple(self.decode(node["tuple"])),
        }

    def decode(self, node: Any) -> Any:
        """Decode a value."""
        if isinstance(node, list):
            return [self.decode(value) for value in node]
        if isinstance(node, dict):
            return self._decoders[next(iter(node), "")](node)
        return node

    def check_all_used(self) -> None:
        """Raise an error for arrays and estimators that no part of the model names."""
        unused = [*self._arrays, *(f"{number}/" for number in self._foreign)]
        if unused:
            msg = f"it holds {quoted(unused[0])}, which its model does not name."
            raise ModelFileError(msg)

    def _numbered(self, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Make a decoder keep its estimators, which may occur again."""

        def decode_new(node: Any) -> Any:
            estimator = decode(node)
            self._estimators.append(estimator)
            return estimator

        return decode_new

    def _dict(self, node: dict[str, Any]) -> dict[Any, Any]:
        """Decode pairs of key and value."""
        return {self.decode(key): self.decode(value) for key, value in node["dict"]}

    def _scaling(self, node: dict[str, Any]) -> Scaling:
        """Decode the fitted scaling of a scaler."""
        return Scaling(**self.decode(node["scaling"]))

    def _pipeline(self, node: dict[str, Any]) -> Pipeline:
        """Decode a Pipeline."""
        steps = [(name, self.decode(step)) for name, step in node["pipeline"]]
        known = {name: node["parameters"][name] for name in PIPELINE_PARAMETERS}
        return Pipeline(steps, **known)

    def _estimator(self, node: dict[str, Any]) -> Any:
        """Build an estimator of sleepkit, and set its fitted attributes."""
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
                msg = f"its {kind.__name__} cannot have the fitted attribute {name!r}."
                raise ModelFileError(msg)
            setattr(estimator, name, value)
        if "net" in node:
            history = check_history(node.get("history", []))
            restore_net(estimator, self.decode(node["net"]), history)
        return estimator

    def _values(self, nodes: dict[str, Any]) -> dict[str, Any]:
        """Decode the values of a mapping with str keys."""
        return {name: self.decode(value) for name, value in nodes.items()}


def _text(node: dict[str, Any]) -> Array:
    """Array of texts: of objects, or of fixed length, all of which takes memory."""
    objects: Array = np.array(node["text"], dtype=np.object_)
    if node["dtype"] == "|O":
        return objects
    longest = max((len(text) for text in objects.flat), default=0)
    if longest * objects.size > _MAX_TEXT:
        msg = f"it is damaged: it holds {objects.size:,} texts of {longest:,} letters."
        raise ModelFileError(msg)
    return objects.astype(np.str_)
