"""Fast paths on a CPU, each beside its plain reference, and the switch for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import torch
from torch import Tensor, nn

_ENABLED: Final = ContextVar("fast_cpu", default=True)
_PLAIN: Final = (Tensor, nn.Parameter)

# Private names: without them no fast path can know when to stand back, and none runs.
_tracing_state: Final = getattr(torch._C, "_get_tracing_state", None)
_transforms_active: Final = getattr(torch._C, "_are_functorch_transforms_active", None)


@contextmanager
def fast_cpu(enabled: bool) -> Iterator[None]:
    """Switch the fast paths of sleepkit's modules on CPUs on or off.

    They are on by default: float32 products by oneDNN, dropout from random bytes, and
    convolutions that are normalised and pooled in parts small enough for the caches.
    Without them, the same modules run on torch's own operations, more slowly.

    Parameters
    ----------
    enabled : bool
        Whether modules may take their fast paths inside the ``with`` block.

    Yields
    ------
    None
        Nothing; the former setting comes back at the end of the block.

    Notes
    -----
    The setting is that of a context, as in `contextvars`: a thread that is started
    inside the block begins with the default, unless it runs in a copy of the context,
    as the threads of sleepkit do. Both ways give the same values to rounding; dropout
    draws other random numbers. Fast paths are off by themselves on other devices, for
    subclasses of Tensor, and while torch compiles, exports, traces or transforms.

    Second derivatives of dropout and of `FeatureNet` in training, and forward-mode
    differentiation outside of `torch.func`, need the plain operations.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import FeatureNet, fast_cpu
    >>> net, epochs = FeatureNet().eval(), torch.randn(4, 1, 3000)
    >>> with fast_cpu(False):
    ...     expected = net(epochs)
    >>> torch.allclose(net(epochs), expected, atol=1e-4)
    True
    """
    token = _ENABLED.set(bool(enabled))
    try:
        yield
    finally:
        _ENABLED.reset(token)


def is_eager_cpu(*tensors: Tensor) -> bool:
    """Whether fast paths are on, and these are plain tensors on a CPU, used at once.

    What compiles, exports, traces or transforms a net needs operations of torch.
    """
    if torch.compiler.is_compiling() or not _ENABLED.get():
        return False
    if _tracing_state is None or _transforms_active is None:
        return False
    if _tracing_state() is not None or _transforms_active():
        return False
    return all(type(x) in _PLAIN and x.device.type == "cpu" for x in tensors)
