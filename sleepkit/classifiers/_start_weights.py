"""Start of a training from the weights of another one, or of a pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from warnings import warn

import numpy as np
from torch import Tensor, nn

from sleepkit._typing import Array
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.nn._fusion import SUBSET
from sleepkit.utils import last_step

HEADS: Final = "heads."  # of the names of weights
_SIZES: Final = (
    "fusion",
    "d_model",
    "n_heads",
    "n_layers",
    "dim_feedforward",
    "max_relative_distance",
)


def begin(stager: Any, module: nn.Module) -> None:
    """Give a new module the weights that a stager's training is to start from."""
    start = _start_of(stager)
    if start is None:
        return
    last = last_step(start)
    if not (_is_fitted(last) or hasattr(last, "pretrained_")):
        msg = (
            f"{_rule(stager)} be a stager of sleepkit after fit or pretrain, or None; "
            "sleepkit.persistence.load_model reads one of a file. "
            f"Got {_described(start)} instead."
        )
        raise ValueError(msg)
    _check_sizes(stager, last)
    _check_columns(stager, last)
    weights, state = _weights_of(last), module.state_dict()
    for name, values in state.items():
        if not name.startswith(HEADS):
            state[name] = _weight(stager, start, weights, name, values)
    if _is_fitted(last) and np.array_equal(last.classes_, stager.classes_):
        state |= _heads(state, weights, same=list(last.layout_) == list(stager.layout_))
    module.load_state_dict(state)


def _start_of(stager: Any) -> Any:
    """Stager whose weights a training is to start from, if there is one."""
    if hasattr(stager, "pretrained_"):
        if stager.warm_start:
            return stager
        warn(
            f"fit of {type(stager).__name__} drops the weights of its pretrain: start "
            "from them by warm_start=True, or by warm_start_from= in another one.",
            SleepkitWarning,
            stacklevel=8,
        )
    return stager.warm_start_from


def _is_fitted(last: Any) -> bool:
    """Whether a stager has a net, with heads."""
    return isinstance(last, SleepClassifier) and hasattr(last, "net_")


def _weights_of(last: Any) -> Mapping[str, Array]:
    """Weights of a fitted or pretrained stager."""
    if not _is_fitted(last):
        weights: Mapping[str, Array] = last.pretrained_
        return weights
    state = last.module_.state_dict()
    return {name: values.cpu().numpy() for name, values in state.items()}


def _weight(
    stager: Any, start: Any, weights: Mapping[str, Array], name: str, values: Tensor
) -> Tensor:
    """Give one weight of the encoders the values that it starts from."""
    found = weights.get(name)
    if found is None or found.shape != values.shape:
        got = "none" if found is None else f"one of shape {found.shape}"
        msg = (
            f"{_rule(stager)} have the modalities of the new net, and the shapes of "
            f"their epochs. Its weight {name} has the shape {tuple(values.shape)}; got "
            f"{got} from {_described(start)}."
        )
        raise ValueError(msg)
    return values.new_tensor(found)


def _heads(
    state: Mapping[str, Tensor], weights: Mapping[str, Array], *, same: bool
) -> dict[str, Tensor]:
    """Weights of the heads that are of one shape throughout; the others stay new.

    The subset head takes the modalities in their order, which must be the `same`.
    """
    by_head: dict[str, list[str]] = {}
    for name in state:
        if name.startswith(HEADS):
            by_head.setdefault(name.split(".")[1], []).append(name)
    return {
        name: state[name].new_tensor(weights[name])
        for head, names in by_head.items()
        if same or head != SUBSET
        if all(n in weights and weights[n].shape == state[n].shape for n in names)
        for name in names
    }


def _check_sizes(stager: Any, last: Any) -> None:
    """Require the parameters that make the same net, as far as both have them."""
    theirs = {name: getattr(last, name) for name in _SIZES if hasattr(last, name)}
    differ = {n: v for n, v in theirs.items() if v != getattr(stager, n)}
    if differ:
        got, own = (
            ", ".join(f"{name}={value!r}" for name, value in values.items())
            for values in (differ, {name: getattr(stager, name) for name in differ})
        )
        msg = (
            f"{_rule(stager)} have the sizes of the new net, which has {own}. Got a "
            f"start of {got}."
        )
        raise ValueError(msg)


def _check_columns(stager: Any, last: Any) -> None:
    """Require the columns of a table, in their order, as far as both have names."""
    own, theirs = (getattr(x, "feature_names_in_", None) for x in (stager, last))
    if own is not None and theirs is not None and not np.array_equal(own, theirs):
        msg = (
            f"{_rule(stager)} have been trained on the columns of X, "
            f"{', '.join(own)}. Got a start of {', '.join(theirs)}."
        )
        raise ValueError(msg)


def _rule(stager: Any) -> str:
    """Begin the message of an error."""
    return f"The 'warm_start_from' parameter of {type(stager).__name__} must"


def _described(start: Any) -> str:
    """Name what was given, with the modalities of a stager."""
    layout = getattr(last_step(start), "layout_", None)
    shapes = ", ".join(f"{name} {shape}" for name, shape in (layout or {}).items())
    return f"a {type(start).__name__}" + (f" of {shapes}" if shapes else "")
