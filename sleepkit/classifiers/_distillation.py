"""Distillation: the probabilities of a teacher as targets of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from sleepkit._typing import FloatArray, IntArray
from sleepkit.nn import distillation_loss
from sleepkit.training import EpochSource
from sleepkit.training._inference import ReadOut

TEACHER: Final = "teacher"  # target: the number of an epoch


@dataclass(frozen=True)
class Teacher:
    """What a teacher says of the rows of a training, and how much it counts.

    `log_proba` has the shape (n_rows, n_classes), NaN in rows that it knows nothing of:
    the student's own loss alone counts there.
    """

    log_proba: FloatArray
    temperature: float
    weight: float

    def table(self, source: EpochSource) -> Tensor:
        """Log-probabilities of each epoch, (n_epochs, n_classes)."""
        shape = len(source.night), self.log_proba.shape[1]
        by_epoch = np.zeros(shape, np.float32)
        by_epoch[source.row_to_epoch] = self.log_proba
        return torch.from_numpy(by_epoch)


def teacher_targets(
    teacher: Teacher | None, source: EpochSource
) -> dict[str, IntArray]:
    """Target of each row by which a loss finds what a teacher says of it."""
    return {} if teacher is None else {TEACHER: source.row_to_epoch}


@contextmanager
def following(
    teacher: Teacher | None, loss: nn.Module, read_out: ReadOut, source: EpochSource
) -> Iterator[None]:
    """Add the divergence from a teacher, if there is one, to what a loss returns.

    It is a hook of the loss, which stays what callbacks know and is as before after it.
    """
    if teacher is None:
        yield
        return
    table, weight = teacher.table(source), teacher.weight

    def mixed(_: nn.Module, args: tuple[Any, Mapping[str, Any]], own: Tensor) -> Tensor:
        output, targets = args
        known = targets["stages"] >= 0
        numbers = targets[TEACHER][known].cpu()
        log_proba = table[numbers].to(own.device)
        staged = ~log_proba.isnan().any(-1)
        divergence = distillation_loss(
            read_out(output, targets["present"])[known][staged],
            log_proba[staged],
            temperature=teacher.temperature,
        )
        share = weight * staged.sum() / max(len(staged), 1)
        return share * divergence + (1 - share) * own

    handle = loss.register_forward_hook(mixed)
    try:
        yield
    finally:
        handle.remove()
