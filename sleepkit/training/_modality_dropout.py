"""Modality dropout: modalities left out of training batches at random."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from skorch.callbacks import Callback

from sleepkit._typing import BoolArray, FloatArray
from sleepkit.utils import check_count, check_fraction, check_option


class ModalityDropout(Callback):
    """Mark modalities of training batches as absent, at random.

    A modality that is left out is treated like one that was never recorded: the net
    does not read it, and losses do not count it. No epoch loses its last modality.

    Parameters
    ----------
    p : float, default=0.3
        Probability that a modality is left out of a sequence, independently for each;
        at least 0 and below 1.
    rise : int, default=0
        Training batches in which the probability rises from zero to `p`, so that the
        modalities are first trained together.
    per : {"sequence", "epoch"}, default="sequence"
        Whether a modality is left out of whole sequences, as after the failure of an
        electrode, or of single epochs.

    Notes
    -----
    For every modality of a sequence (or epoch) a number u from 0 to 1 is drawn, and the
    modality is left out if ``u < p``; of the modalities of an epoch, the one with the
    largest u stays. With two modalities, a fraction of ``1 - (1 - p)**2`` of the
    sequences is left with one. MedFuseSleep's authors name such schedules as future
    work.

    The masks are set in the batch's ``present``, see `Batches`, by torch's generator:
    in a fit they follow from its seed. Validation batches stay as they are.

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
        """Check the parameters, and start from the first step."""
        check_fraction("p", self.p, owner="ModalityDropout")
        check_count("rise", self.rise, owner="ModalityDropout", minimum=0)
        check_option("per", self.per, ("sequence", "epoch"), owner="ModalityDropout")
        self.step_ = 0

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Leave modalities out of a training batch."""
        if not training:
            return
        present: dict[str, BoolArray] = batch[0]["present"]
        stacked = np.stack(list(present.values()))
        kept = keep_some(stacked, self._draw(stacked), self.probability(self.step_))
        for there, keep in zip(present.values(), kept, strict=True):
            there &= keep  # in place: the targets hold the same array
        self.step_ += 1

    def probability(self, step: int) -> float:
        """Compute the probability of a step.

        Parameters
        ----------
        step : int
            Training batches before this one.

        Returns
        -------
        float
            From 0 to `p`.
        """
        return self.p * min(1.0, step / self.rise) if self.rise else self.p

    def _draw(self, present: BoolArray) -> FloatArray:
        """Random numbers for each modality of each sequence or epoch."""
        n_modalities, batch_size, *rest = present.shape
        per = rest if self.per == "epoch" else [1] * len(rest)
        return torch.rand(n_modalities, batch_size, *per).numpy()


def keep_some(present: BoolArray, u: FloatArray, p: float) -> BoolArray:
    """Keep modalities with u of at least p, and of those present the largest u.

    All arrays have the modalities on their first axis, and broadcast.
    """
    known = np.where(present, u, -1.0)
    kept: BoolArray = (known >= p) | (known == known.max(axis=0))
    return kept
