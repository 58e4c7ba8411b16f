"""Identity of a training: all that its result depends on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sleepkit.training._batches import Batches, Rounds
from sleepkit.training._net import StagingNet
from sleepkit.training._runtime import generator_states
from sleepkit.utils import hash_code, versions

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))  # weights, sub-modules, hooks


def identify(
    net: StagingNet,
    train: Batches | Rounds,
    valid: Batches | None,
    callbacks: Mapping[str, Any],
) -> str:
    """Digest of the net before its first step, of its settings, and of the data.

    All parameters and the seed have left their mark on these.
    """
    parts = {
        "module": _describe_module(net.module_),
        "criterion": _describe_module(net.criterion_),
        "optimizer": [
            type(net.optimizer_),
            net.optimizer_.state_dict()["param_groups"],
        ],
        "callbacks": {n: _describe_callback(c) for n, c in callbacks.items()},
        "precision": net.precision,
        "max_epochs": net.max_epochs,
        "generators": generator_states(torch.device(net.device)),
        "train": _describe_batches(train),
        "valid": None if valid is None else _describe_batches(valid),
    }
    return hashlib.sha256(repr(_plain(parts)).encode()).hexdigest()[:32]


def find_environment(net: StagingNet, callbacks: Iterable[Any]) -> dict[str, str]:
    """Describe the code and the machine, on which the last bits depend."""
    made_of = [*net.module_.modules(), *net.criterion_.modules(), *callbacks]
    own = {type(part) for part in made_of if not _is_of(type(part), "torch", "skorch")}
    device = torch.device(net.device)
    on = platform.machine()
    if device.type == "cuda":
        on = torch.cuda.get_device_name(device)
    elif device.type == "cpu":
        on += f" with {torch.get_num_threads()} threads"
    return {
        **versions("numpy", "skorch", "torch"),
        "code of the net": hash_code(sorted(own, key=_name))[:16],
        "device": f"{device.type}, {on}",
        "processes": str(net.n_processes),
    }


def _describe_module(module: Any) -> Any:
    """Describe the weights and settings of a module."""
    settings = {
        name: [type(part), _settings(part, _OF_EVERY_MODULE)]
        for name, part in module.named_modules()
    }
    return [settings, module.state_dict()]


def _describe_callback(callback: Any) -> Any:
    """Describe the parameters of a callback."""
    fitted = {name for name in vars(callback) if name.endswith("_")}
    return [type(callback), _settings(callback, fitted)]


def _settings(owner: Any, without: Iterable[str]) -> dict[str, Any]:
    """Return the attributes of an object except some."""
    return {n: value for n, value in vars(owner).items() if n not in without}


def _describe_batches(batches: Batches | Rounds) -> Any:
    """Describe the data, their targets and their order."""
    inner = batches.batches if isinstance(batches, Rounds) else batches
    source = inner.source
    return [
        getattr(batches, "n_steps", None),
        batches.state_dict(),
        [inner.batch_size, inner.length, inner.sampler, inner.carry_state],
        inner.targets,
        [source.fingerprint, source.present, source.night, source.needs_all],
    ]


def _plain(value: Any) -> Any:
    """Replace arrays by digests, and objects by the names of their classes."""
    if isinstance(value, Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return [str(value.dtype), list(value.shape), _hash(flat.numpy())]
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, _hash(np.ascontiguousarray(value))]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(part)] for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted(repr(_plain(part)) for part in value)
    return _name(value if hasattr(value, "__qualname__") else type(value))


def _hash(values: Any) -> str:
    """Digest of the bytes of an array."""
    return hashlib.sha256(values).hexdigest()


def _name(thing: Any) -> str:
    """Return the full name of a class or function."""
    return f"{thing.__module__}.{thing.__qualname__}"


def _is_of(kind: type, *packages: str) -> bool:
    """Whether a class is of a package."""
    return kind.__module__.partition(".")[0] in packages
