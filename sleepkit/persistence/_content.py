"""What is in a model file: all that makes an estimator, and what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import safetensors.numpy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

import sleepkit
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._archive import ARRAYS, pack
from sleepkit.persistence._decode import Decoder
from sleepkit.persistence._encode import Encoder

FORMAT: Final = 2


def compose(estimator: Any, about: dict[str, Any]) -> bytes:
    """Make the content of a model file."""
    encoder = Encoder()
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    classes = getattr(last, "classes_", None)
    info = {
        "format": FORMAT,
        "sleepkit": sleepkit.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": version("torch"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "estimator": type(estimator).__name__,
        "classes": None if classes is None else classes.tolist(),
        "layout": getattr(last, "layout_", None),
        "about": about,
        "model": encoder.encode(estimator, ""),
        "left_out": encoder.left_out,
    }
    members = {
        f"{number}/{name}": member
        for number, parts in enumerate(encoder.foreign)
        for name, member in parts.items()
    }
    return pack(info, {ARRAYS: safetensors.numpy.save(encoder.arrays), **members})


def construct(info: dict[str, Any], members: dict[str, bytes]) -> Any:
    """Build the estimator that a checked archive describes."""
    arrays = safetensors.numpy.load(members[ARRAYS])
    foreign: dict[str, dict[str, bytes]] = {}
    for place, member in members.items():
        number, _, name = place.partition("/")
        foreign.setdefault(number, {})[name] = member
    estimator = Decoder(arrays, foreign).decode(info["model"])
    if not isinstance(estimator, BaseEstimator):
        msg = f"it holds a {type(estimator).__name__}, no estimator."
        raise ModelFileError(msg)
    return estimator
