"""The parameters that all stagers share."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback

from sleepkit.training._runtime import find_device
from sleepkit.utils import check_count, check_fraction, check_option, check_positive

_PRECISIONS = ("auto", "float32", "bfloat16")


def check_shared_params(stager: Any) -> None:
    """Refuse parameters of a stager that cannot be used."""
    owner = type(stager).__name__
    for name in ("batch_size", "max_epochs", "patience"):
        check_count(name, getattr(stager, name), owner=owner)
    for name in ("lr", "max_ram"):
        check_positive(name, getattr(stager, name), owner=owner)
    for name in ("n_threads", "sequence_length", "stride"):
        if getattr(stager, name) is not None:
            check_count(name, getattr(stager, name), owner=owner)
    length, stride = stager.sequence_length, stager.stride
    if length is not None and stride is not None and stride > length:
        msg = (
            f"The 'stride' parameter of {owner} must be at most sequence_length = "
            f"{length}. Got {stride}."
        )
        raise ValueError(msg)
    check_positive("weight_decay", stager.weight_decay, owner=owner, zero=True)
    check_option("precision", stager.precision, _PRECISIONS, owner=owner)
    find_device(stager.device)
    _check_callbacks(stager.callbacks, owner=owner)
    fraction = stager.validation_fraction
    check_fraction("validation_fraction", fraction, owner=owner)


def _check_callbacks(callbacks: Any, *, owner: str) -> None:
    """Require callbacks as skorch takes them: also classes, or pairs with a name."""
    kinds = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    for kind in [] if callbacks is None else kinds:
        callback = kind[1] if isinstance(kind, tuple) and len(kind) == 2 else kind
        known = callback if isinstance(callback, type) else type(callback)
        if kinds is not callbacks or not issubclass(known, Callback):
            msg = (
                f"The 'callbacks' parameter of {owner} must be a list of skorch "
                f"callbacks, or of pairs (name, callback). Got {callbacks!r} instead."
            )
            raise ValueError(msg)
