"""A learning rate that falls once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from skorch.callbacks import Callback

from sleepkit.training._schedules import LearningRateSchedule


class DropSchedule(LearningRateSchedule):
    """Keep the learning rate for a number of batches, then lower it once."""

    def __init__(self, n_steps: int, low: float = 0.1) -> None:
        self.n_steps = n_steps
        self.low = low

    def factor(self, step: int) -> float:
        """Compute the factor of the learning rate."""
        return 1.0 if step < self.n_steps else self.low


def drop_after(
    n_passes: int | None, max_epochs: int
) -> Callable[[int], Sequence[Callback]]:
    """Make the callbacks of a stage whose rate falls after some passes, or never."""

    def make(n_steps: int) -> list[Callback]:
        if n_passes is None:
            return []
        return [DropSchedule(n_steps // max_epochs * n_passes)]

    return make
