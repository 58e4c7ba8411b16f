"""State of a training between two passes: read from a net, and restored into it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
import torch

from sleepkit.exceptions import SleepkitError
from sleepkit.training._batches import Batches, Rounds
from sleepkit.training._net import StagingNet
from sleepkit.training._runtime import generator_states, restore_generators

_NET: Final = ("module_", "criterion_", "optimizer_")
# Classes that inherit from these would need their code to be read.
_SCALARS: Final = {type(None), bool, int, float, str}
_CONTAINERS: Final = {list, tuple, set}
# What torch reads arrays and numbers of numpy with; nothing else runs at reading.
_NUMPY: Final[list[Any]] = [
    np.ndarray,
    np.dtype,
    np.zeros(0).__reduce__()[0],
    np.float64(0).__reduce__()[0],
    *(type(np.dtype(code)) for code in "?bBhHiIlLqQefdgSU"),
]


def read_state(
    net: StagingNet, batches: Batches | Rounds, callbacks: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all that the passes to come depend on."""
    parts = {name: getattr(net, name).state_dict() for name in _NET}
    for name, part in parts.items():
        check_plain(part, f"the state of {name}")
    return {
        **parts,
        "callbacks": {name: _read_callback(c) for name, c in callbacks.items()},
        "batches": batches.state_dict(),
        "generators": generator_states(torch.device(net.device)),
        "stopped": net.stopped_,
    }


def restore_state(
    net: StagingNet,
    batches: Batches | Rounds,
    callbacks: Mapping[str, Any],
    state: Mapping[str, Any],
) -> None:
    """Return a net, its callbacks and batches to a state."""
    for name in _NET:
        getattr(net, name).load_state_dict(state[name])
    for name, callback in callbacks.items():
        plain, kept = state["callbacks"][name]
        vars(callback).update(plain)
        for attribute, value in kept.items():
            _restore_part(getattr(callback, attribute), value)
    batches.load_state_dict(state["batches"])
    restore_generators(state["generators"])
    net.stopped_ = state["stopped"]


def pack(value: Any) -> bytes:
    """Write a state as bytes that hold no code."""
    buffer = BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def unpack(content: bytes) -> Any:
    """Read what `pack` wrote."""
    with torch.serialization.safe_globals(_NUMPY):
        return torch.load(BytesIO(content), weights_only=True)


def check_plain(value: Any, what: str) -> None:
    """Refuse a value that `unpack` could not read."""
    if not _is_plain(value):
        msg = (
            f"Checkpoint cannot keep {what}, a {type(value).__name__}: it keeps "
            "numbers, text, arrays and tensors, also in lists, tuples, sets and dicts, "
            "numpy's generators, and what has a state_dict."
        )
        raise SleepkitError(msg)


def _read_callback(callback: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the plain attributes of a callback, and the states of others."""
    plain, kept = {}, {}
    for name, value in vars(callback).items():
        state, what = _read_part(value), f"{name!r} of {type(callback).__name__}"
        if state is not None:
            check_plain(state, f"the state of {what}")
            kept[name] = state
        elif _is_plain(value):
            plain[name] = value
        elif name.endswith("_") and not callable(value):  # skorch: no parameter
            check_plain(value, what)
    return plain, kept


def _read_part(value: Any) -> Any:
    """Return the state of what has one, else None."""
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if hasattr(value, "load_state_dict") and not isinstance(value, type):
        return value.state_dict()
    return None


def _restore_part(value: Any, state: Any) -> None:
    """Return something to its state."""
    if isinstance(value, np.random.Generator):
        value.bit_generator.state = state
    else:
        value.load_state_dict(state)


def _is_plain(value: Any) -> bool:
    """Whether a value is made of numbers, text, arrays and tensors."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "biufSU"
    if type(value) in {dict, OrderedDict}:
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if type(value) in _CONTAINERS:
        return all(map(_is_plain, value))
    return type(value) in _SCALARS or isinstance(value, torch.Tensor)
