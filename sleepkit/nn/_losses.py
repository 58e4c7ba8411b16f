"""What MedFuseSleep learns from: stages seen by each view, and views that agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from sleepkit.utils import check_option, check_positive


def multi_view_loss(
    logits: Mapping[str, Tensor],
    labels: Tensor,
    present: Mapping[str, Tensor] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    class_weight: Tensor | None = None,
    fused_from: int = 2,
) -> Tensor:
    """Sum the cross-entropies of the modalities and of their fusion.

    Parameters
    ----------
    logits : dict of Tensor, shape (batch, seq, n_classes)
        What each view says: the modalities, one by one, and ``"fused"``.
    labels : Tensor of int, shape (batch, seq)
        The stages. Epochs below 0 are unscored and do not count.
    present : dict of Tensor of bool, shape (batch, seq), default=None
        The epochs that each modality has; all, where it is not named. Only these
        count for its view.
    weights : dict of float, default=None
        What each view counts, where that is not 1. Views of 0 are left out.
    class_weight : Tensor, shape (n_classes,), default=None
        What each stage counts, where that is not 1.
    fused_from : int, default=2
        Modalities that an epoch must have to count for the fused view.

    Returns
    -------
    Tensor, shape ()
        The weighted sum over views of the mean over epochs; 0 where none counts.

    Notes
    -----
    With weights of 1 this is L_CE + L_MS of MedFuseSleep; with 0 for every modality
    it is the loss of MedFuseSleep-Base.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import multi_view_loss
    >>> logits = {view: torch.zeros(2, 21, 5) for view in ("eeg", "eog", "fused")}
    >>> labels = torch.zeros(2, 21, dtype=torch.long)
    >>> round(multi_view_loss(logits, labels).item(), 3)  # three times log(5)
    4.828
    """
    weights = weights or {}
    loss = labels.new_zeros((), dtype=torch.float32)
    countable = _countable(logits, labels, present or {}, fused_from)
    for view, counts in countable.items():
        weight = weights.get(view, 1.0)
        if weight:
            entropy = _mean_entropy(logits[view], labels, counts, class_weight)
            loss = loss + weight * entropy
    return loss


def _countable(
    logits: Mapping[str, Tensor],
    labels: Tensor,
    present: Mapping[str, Tensor],
    fused_from: int,
) -> dict[str, Tensor]:
    """Say for each view which epochs have a label and what the view needs."""
    scored = labels >= 0
    counts = {view: scored & present.get(view, scored) for view in logits}
    modalities = [counts[view] for view in counts if view != "fused"]
    if "fused" in counts and modalities:
        counts["fused"] = torch.stack(modalities).sum(0) >= fused_from
    return counts


def _mean_entropy(
    logits: Tensor, labels: Tensor, counts: Tensor, class_weight: Tensor | None
) -> Tensor:
    """Average the cross-entropy, or give 0 where no epoch counts."""
    stages = labels.masked_fill(~counts, 0).flatten()
    weights = counts.flatten().to(logits.dtype)
    if class_weight is not None:
        weights = weights * class_weight[stages]
    entropy = functional.cross_entropy(logits.flatten(0, 1), stages, reduction="none")
    total = weights.sum()
    return (weights * entropy).sum() / torch.where(total > 0, total, 1)


def alignment_loss(
    a: Tensor,
    b: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    negatives: Literal["sequence", "batch"] = "sequence",
    mask: Tensor | None = None,
    literal_sign: bool = False,
) -> Tensor:
    """Ask that two modalities' embeddings of an epoch be each other's nearest.

    Parameters
    ----------
    a : Tensor, shape (batch, seq, dim)
        Embeddings of the epochs by one modality.
    b : Tensor, shape (batch, seq, dim)
        Embeddings of the same epochs by another.
    temperature : float or Tensor of shape (), default=0.1
        What the cosines are divided by; a tensor may be learnt.
    negatives : {"sequence", "batch"}, default="sequence"
        An epoch is told apart from the others of its sequence, as in the authors'
        code, or of the whole batch.
    mask : Tensor of bool, shape (batch, seq), default=None
        The epochs that both modalities have; others count neither as pairs nor as
        negatives. By default, all.
    literal_sign : bool, default=False
        Whether to take the formula as printed. It lacks a minus, so that descending
        it drives pairs apart.

    Returns
    -------
    Tensor, shape ()
        The sum of both directions of the mean over epochs; 0 where no epoch counts.

    Raises
    ------
    ValueError
        If `temperature` is not above 0, or `negatives` is neither of the two.

    Notes
    -----
    For the N cosines s_ij of epoch i in `a` and j in `b`, and temperature t, this is
    InfoNCE in both directions::

        -1/N sum_i log(exp(s_ii / t) / sum_j exp(s_ij / t))
        -1/N sum_i log(exp(s_ii / t) / sum_j exp(s_ji / t))

    MedFuseSleep's L_AL has the first direction only, a sum and no minus; its weight,
    0.1, is the caller's. A temperature of 1 would leave next to nothing to learn,
    since cosines end at 1.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import alignment_loss
    >>> epochs = torch.eye(4)[None]
    >>> bool(alignment_loss(epochs, epochs) < 0.001)
    True
    >>> round(alignment_loss(epochs, epochs.roll(1, dims=1)).item(), 3)
    20.0
    """
    if not isinstance(temperature, Tensor):
        check_positive("temperature", temperature, owner="alignment_loss")
    check_option("negatives", negatives, ("sequence", "batch"), owner="alignment_loss")
    if mask is None:
        mask = a.new_ones(a.shape[:2], dtype=torch.bool)
    if negatives == "batch":
        a, b, mask = (x.flatten(0, 1).unsqueeze(0) for x in (a, b, mask))
    # (batch, seq, seq), epochs of `a` in rows; masked embeddings may be NaN
    a, b = (x.masked_fill(~mask[..., None], 0) for x in (a, b))
    cosines = functional.normalize(a, dim=-1) @ functional.normalize(b, dim=-1).mT
    scores = cosines / temperature
    agreement = _log_matches(scores, mask) + _log_matches(scores.mT, mask)
    return agreement if literal_sign else -agreement


def _log_matches(scores: Tensor, mask: Tensor) -> Tensor:
    """Average the log-softmax of the diagonal over the epochs that count."""
    rivals = scores.masked_fill(~mask[:, None], torch.finfo(scores.dtype).min)
    matches = rivals.log_softmax(-1).diagonal(dim1=-2, dim2=-1)
    return matches.masked_fill(~mask, 0).sum() / mask.sum().clamp(min=1)
