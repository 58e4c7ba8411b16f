"""Temperature of a contrastive loss, fixed or trained."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.utils import check_positive

_MAX_SCALE: Final = 100.0  # of the cosines, as in CLIP: a temperature of 0.01


class TemperatureLoss(nn.Module):
    """Loss with a temperature; a trained one is the exponential of a parameter."""

    def __init__(self, temperature: float, *, learn_temperature: bool) -> None:
        super().__init__()
        check_positive("temperature", temperature, owner=type(self).__name__)
        self._fixed_temperature = temperature
        scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.log_scale = scale if learn_temperature else None

    @property
    def temperature(self) -> float | Tensor:
        """What cosines are divided by."""
        if self.log_scale is None:
            return self._fixed_temperature
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(_MAX_SCALE))
        return torch.exp(-self.log_scale)
