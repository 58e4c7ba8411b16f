"""A trained module, put where staging computes and into the numbers it computes in."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from sleepkit._typing import Array, IntArray
from sleepkit.training._epochs import Epochs

Found = tuple[Any, dict[str, Tensor]]  # what a read-out takes


class Forward:
    """Run a module on numpy arrays, without gradients.

    The module itself stays as it is, since it may be in use: on another device, or in
    other numbers, a copy of it runs. All of the copy is in bfloat16, since converting
    weights again and again would take longer than some products do. `exact` is the
    same module in float32.
    """

    def __init__(
        self, module: nn.Module, device: torch.device | None, precision: str
    ) -> None:
        self.device = torch.device("cpu") if device is None else device
        if precision == "auto":
            fast = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
            precision = "bfloat16" if fast else "float32"
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        if self.device.type != "cpu":
            module = deepcopy(module).to(self.device)
        self.module = self.exact = module.eval()
        if self.dtype != torch.float32:
            self.module = deepcopy(module).to(self.dtype)

    def __call__(self, epochs: Epochs, index: IntArray) -> Found:
        """Run on some epochs; give the output, and what was present."""
        batch = epochs.batch(index)
        present = self.tensors(batch["present"])
        return self.module(self.tensors(batch["inputs"]), present), present

    def tensors(self, values: Mapping[str, Array]) -> dict[str, Tensor]:
        """Put arrays where the module is; masks stay masks."""
        return {name: self._tensor(value) for name, value in values.items()}

    def _tensor(self, value: Array) -> Tensor:
        """Put one array there."""
        dtype = torch.bool if value.dtype == bool else self.dtype
        return torch.from_numpy(value).to(self.device, dtype)
