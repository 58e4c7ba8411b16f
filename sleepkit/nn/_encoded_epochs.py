"""Epochs between the two steps of the nets that fuse modalities."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class EncodedEpochs(NamedTuple):
    """CLS tokens of each epoch after the inner encoders.

    They do not depend on the other epochs that were encoded with it.

    Attributes
    ----------
    unimodal : dict of Tensor, shape (batch, seq, d_model)
        Those of the unimodal pass, for each modality that was given.
    multimodal : dict of Tensor, shape (batch, seq, d_model)
        Those of the pass in which modalities attend to each other, if there is one.
    """

    unimodal: dict[str, Tensor]
    multimodal: dict[str, Tensor]
