"""Weights of a classifier's net: read from it, and restored into a new one."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final

from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.persistence._history import Row

HELD_BY_NET: Final = ("module_", "net_")
_MAX_EXTRA_TENSORS: Final = 100  # temporary ones, while a module is built
_MAX_EXTRA_VALUES: Final = 2**22  # in buffers that are not stored


def has_net(estimator: Any) -> bool:
    """Whether an estimator holds a trained net."""
    return "net_" in vars(estimator)


def net_state(estimator: Any) -> dict[str, Array]:
    """Copy the weights of a net to the CPU."""
    state = estimator.net_.module_.state_dict()
    return {name: tensor.cpu().numpy() for name, tensor in state.items()}


def restore_net(estimator: Any, state: Mapping[str, Array], history: list[Row]) -> None:
    """Build the net that the parameters describe, with its weights and history.

    It is built on the meta device first, and allocated only if the stored weights fit:
    so the parameters of a file cannot allocate more memory than the file has weights.
    """
    import torch

    from sleepkit.training import StagingNet
    from sleepkit.training._runtime import seeded

    limit = _limited(4 * len(state) + _MAX_EXTRA_TENSORS)
    with limit, torch.device("meta"), _without_values():
        sketch = estimator._build_module()
    _check_shapes(sketch, state)
    with seeded(0, torch.device("cpu")):
        module = estimator._build_module()
    module.load_state_dict({n: torch.tensor(array) for n, array in state.items()})
    # This net only predicts; for further training, a classifier copies its weights.
    net = StagingNet(
        module,
        torch.nn.Identity,
        estimator._build_read_out(),
        optimizer=_no_optimizer,
        verbose=0,
    )
    estimator.net_ = net.initialize()
    net.history.extend({**row, "batches": []} for row in history)
    _settle_device(estimator)


def _no_optimizer(*_: Any, **__: Any) -> None:
    """Take the place of an optimizer, the first of which imports torch's compiler."""


def _without_values() -> Any:
    """Leave out the random values of a module that is built without memory.

    For them torch would import its compiler, which takes longer than all the rest.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class WithoutValues(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if getattr(func, "__module__", None) == "torch.nn.init":
                return kwargs["tensor"] if "tensor" in kwargs else args[0]
            if func is torch.Tensor.normal_ or (
                func is torch.Tensor.div and isinstance(args[1], float)
            ):
                return args[0]
            return (torch.empty if func is torch.randn else func)(*args, **kwargs)

    return WithoutValues()


def _settle_device(estimator: Any) -> None:
    """Replace a device that this computer does not have by ``"auto"``."""
    import torch

    from sleepkit.training._processes import SHARED
    from sleepkit.training._runtime import find_device

    wanted = estimator.device
    if wanted not in ("auto", SHARED):
        torch.device(wanted)  # raises if it is no device at all
    try:
        find_device(wanted)
    except (ValueError, ImportError):
        estimator.device = "auto"
        msg = (
            f"The model was trained with device={wanted!r}, which this computer does "
            "not have; it is 'auto' now."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=2)


@contextmanager
def _limited(n_tensors: int) -> Iterator[None]:
    """Raise if a module that is built in this thread makes too many tensors."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    thread, count = threading.get_ident(), 0

    def refuse(*_: Any) -> None:
        nonlocal count
        count += threading.get_ident() == thread
        if count > n_tensors:
            msg = "the stored parameters describe a larger net than the weights."
            raise ModelFileError(msg)

    handle = register_module_parameter_registration_hook(refuse)
    try:
        yield
    finally:
        handle.remove()


def _check_shapes(sketch: Any, state: Mapping[str, Array]) -> None:
    """Require the weights of this net, and no large buffers besides."""
    expected = {
        name: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        for name, tensor in sketch.state_dict().items()
    }
    found = {name: (array.dtype.name, array.shape) for name, array in state.items()}
    wrong = sorted(
        name for name in {*expected, *found} if expected.get(name) != found.get(name)
    )
    if wrong:
        msg = (
            "the stored parameters and the stored weights describe different networks: "
            f"{wrong[0]} is {found.get(wrong[0])}, not {expected.get(wrong[0])}."
        )
        raise ModelFileError(msg)
    size = sum(t.numel() for t in chain(sketch.parameters(), sketch.buffers()))
    if size > sum(array.size for array in state.values()) + _MAX_EXTRA_VALUES:
        msg = (
            f"the stored parameters describe a net of {size:,} values, most of them "
            "not stored."
        )
        raise ModelFileError(msg)
