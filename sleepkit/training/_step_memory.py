"""What an optimizer leaves of a coefficient that gradients are multiplied by."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import FloatArray


class StepMemory:
    """Tells how much larger steps are for coefficients of the gradient.

    Adam divides a gradient by the root of a running mean of its squares. Where
    gradients are alike but for their coefficients, and momentum is left out, its step
    has the size of ``rho_t / sqrt(mean(rho^2))``: 1 for a constant coefficient. An
    optimizer without such a mean makes steps of the coefficient itself.
    """

    def __init__(self, optimizer: Any) -> None:
        betas = optimizer.param_groups[0].get("betas")
        self.decay = None if betas is None else float(betas[1])
        self.mean_square: Any = 0.0
        self.n_steps = 0

    def factor(self, coefficients: FloatArray) -> FloatArray:
        """Take in the coefficients of a step, and give what is left of them."""
        if self.decay is None:
            return coefficients
        self.n_steps += 1
        new = 1 - self.decay
        self.mean_square = self.decay * self.mean_square + new * coefficients**2
        root = np.sqrt(self.mean_square / (1 - self.decay**self.n_steps))
        # what never had a gradient makes no step
        left: FloatArray = np.zeros_like(root)
        np.divide(coefficients, root, out=left, where=root > 0)
        return left
