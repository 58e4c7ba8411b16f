"""Modality dropout that draws a part of the modalities rather than each alone."""

from __future__ import annotations

import numpy as np
import torch

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.training._modality_dropout import ModalityDropout


class SubsetDropout(ModalityDropout):
    """Leave a random part of the modalities out of some of the training sequences.

    A sequence has the probability `p` of losing a non-empty proper part of the
    modalities of its batch, each part as likely as the others. Epochs that would lose
    all that they have keep it.
    """

    def _draw(self, present: BoolArray) -> FloatArray:
        """Zero for modalities that a sequence loses, and one for others."""
        n_modalities, batch_size, *rest = present.shape
        lost = np.zeros((n_modalities, batch_size), np.bool_)
        if n_modalities > 1:
            part = torch.randint(1, 2**n_modalities - 1, (batch_size,)).numpy()
            lost = (part >> np.arange(n_modalities)[:, np.newaxis] & 1).astype(np.bool_)
        lost &= torch.rand(batch_size).numpy() < self.probability(self.step_)
        return np.where(lost, 0.0, 1.0).reshape(
            n_modalities, batch_size, *[1] * len(rest)
        )
