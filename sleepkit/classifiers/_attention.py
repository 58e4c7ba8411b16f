"""Attention of a fitted classifier within epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sleepkit._typing import BoolArray
from sleepkit.classifiers._inputs import check_rows, open_source
from sleepkit.nn import EpochAttention


def epoch_attention(stager: Any, X: Any) -> EpochAttention:
    """Attention within the epochs of the rows of X, as arrays; NaN without signal."""
    check_is_fitted(stager, "net_")
    if not hasattr(stager.module_, "attention"):
        msg = (
            f"attention of {type(stager).__name__} needs encoders of each modality; "
            f"those of fusion={stager.fusion!r} are shared."
        )
        raise ValueError(msg)
    with open_source(stager, check_rows(stager, X)) as source:
        stager._check_source(source)
        batch = source.batch(source.row_to_epoch[:, np.newaxis])
    given = {name for name, there in batch["present"].items() if there.any()}
    inputs, present = (
        {name: torch.from_numpy(batch[key][name]) for name in given}
        for key in ("inputs", "present")
    )
    found = stager.module_.eval().attention(inputs, present)
    there = {name: batch["present"][name][:, 0] for name in found.frames}
    return EpochAttention(
        {name: _known(x, there[name]) for name, x in found.frames.items()},
        {name: _known(x, there[name]) for name, x in found.own.items()},
        {
            name: {o: _known(x, there[name] & there[o]) for o, x in others.items()}
            for name, others in found.cross.items()
        },
    )


def _known(weights: torch.Tensor, there: BoolArray) -> Any:
    """Weights as an array, with NaN where a modality is missing."""
    known = weights.numpy().copy()
    known[~there] = np.nan
    return known
