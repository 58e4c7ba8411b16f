"""A trained module on the device, and in the precision, of inference."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from sleepkit._typing import Array, IntArray
from sleepkit.training._epoch_source import EpochSource

Output = tuple[Any, dict[str, Tensor]]  # of the module, and what was present


class Forward:
    """Run a module on numpy arrays, without gradients.

    The module itself stays as it is, since it may be in use: on another device, or in
    another precision, a copy of it runs.
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
        self.module = module.eval()

    @cached_property
    def converted(self) -> nn.Module:
        """All of the module in the precision of inference.

        Converting weights for each product would take longer than some products do.
        """
        if self.dtype == torch.float32:
            return self.module
        return deepcopy(self.module).to(self.dtype)

    def __call__(self, source: EpochSource, index: IntArray) -> Output:
        """Run on some epochs; give the output, and what was present."""
        batch = source.batch(index)
        present = self.tensors(batch["present"])
        lower = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=lower):
            return self.module(self.tensors(batch["inputs"]), present), present

    def tensors(
        self, values: Mapping[str, Array], dtype: torch.dtype | None = None
    ) -> dict[str, Tensor]:
        """Put arrays on the device of the module, converted where a type is given."""
        return {
            name: torch.from_numpy(value).to(self.device, dtype)
            for name, value in values.items()
        }
