"""Scaling of the spectra that a net computes, by its training epochs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

_AT_ONCE: Final = 256  # epochs


class SpectrumFit(Callback):
    """Fits the module's ``spectrum`` before its first training; later ones keep it."""

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:
        """Take mean and SD of every bin over the training epochs."""
        module, train = net.module_, X[0]
        if not module.spectrum.n_values.any():
            batches = getattr(train, "batches", train)
            module.spectrum.fit(_epochs(batches, module.stack, net.device))


def _epochs(batches: Any, stack: Any, device: Any) -> Iterator[Tensor]:
    """Stacked channels of the labelled epochs, some at a time."""
    numbers = np.flatnonzero(batches.labelled)
    for part in np.array_split(numbers, -(-len(numbers) // _AT_ONCE)):
        inputs = batches.source.batch(part)["inputs"]
        yield stack({n: torch.from_numpy(x).to(device) for n, x in inputs.items()})
