"""Modalities that are left out of training batches at random."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.training._step_callback import StepCallback
from sleepkit.utils import check_count, check_fraction, check_option


class ModalityDropout(StepCallback):
    """Mark modalities of training batches as absent, at random.

    What is left out is as missing as what was never recorded: the net does not look at
    it, and losses do not count it. No epoch loses the last modality that it has.

    Parameters
    ----------
    p : float, default=0.3
        Probability that a modality is left out of a sequence, for each by itself; at
        least 0 and below 1.
    rise : int, default=0
        Training batches in which the probability rises from zero to `p`, so that
        the modalities are learnt together before they have to do alone.
    per : {"sequence", "epoch"}, default="sequence"
        What a modality is left out of: sequences as a whole, as where an electrode
        fails for a night, or epochs one by one.

    Notes
    -----
    Every modality of a sequence (or epoch) gets a number u from 0 to 1, and is left out
    where ``u < p``; of what an epoch has, the modality with the largest u stays. With
    two modalities, a share of ``1 - (1 - p)**2`` of the sequences is left with one.
    MedFuseSleep's authors name such schedules as future work.

    The marks are set in the batch's ``present``, see `Batches`, by torch's generator:
    inside of a fit they follow from its seed. Validation batches stay as they are.

    Examples
    --------
    >>> from sleepkit.training import ModalityDropout
    >>> callback = ModalityDropout(0.4, rise=100)
    >>> [callback.probability(step) for step in (0, 50, 100, 1000)]
    [0.0, 0.2, 0.4, 0.4]
    """

    def __init__(
        self,
        p: float = 0.3,
        *,
        rise: int = 0,
        per: Literal["sequence", "epoch"] = "sequence",
    ) -> None:
        self.p = p
        self.rise = rise
        self.per = per

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Check the parameters, and start from the first step.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        check_fraction("p", self.p, owner="ModalityDropout")
        check_count("rise", self.rise, owner="ModalityDropout", minimum=0)
        check_option("per", self.per, ("sequence", "epoch"), owner="ModalityDropout")
        super().on_train_begin(net, **kwargs)

    def probability(self, step: int) -> float:
        """Give the probability before a step.

        Parameters
        ----------
        step : int
            Training batches before it.

        Returns
        -------
        float
            From 0 to `p`.
        """
        return self.p * min(1.0, step / self.rise) if self.rise else self.p

    def _before(self, net: Any, batch: Any, step: int) -> None:
        """Leave modalities out of a batch."""
        present: dict[str, BoolArray] = batch[0]["present"]
        stacked = np.stack(list(present.values()))
        kept = keep_some(stacked, self._draw(stacked), self.probability(step))
        for there, keep in zip(present.values(), kept, strict=True):
            there &= keep  # in place: the targets hold the same array

    def _draw(self, present: BoolArray) -> FloatArray:
        """Draw a number for each modality of each sequence or epoch."""
        n_modalities, batch_size, *rest = present.shape
        per = rest if self.per == "epoch" else [1] * len(rest)
        return torch.rand(n_modalities, batch_size, *per).numpy()


def keep_some(present: BoolArray, u: FloatArray, p: float) -> BoolArray:
    """Keep what is not below p, and the largest of what is present.

    All have the modalities on their first axis, and broadcast.
    """
    known = np.where(present, u, -1.0)
    kept: BoolArray = (known >= p) | (known == known.max(axis=0))
    return kept
