"""Losses of MedFuseSleep: cross-entropies of all heads, and alignment."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from sleepkit.nn._fusion import FUSED, SUBSET, MedFuseOutput
from sleepkit.nn._temperature import TemperatureLoss
from sleepkit.utils import check_count, check_option, check_positive


class MedFuseLoss(TemperatureLoss):
    """Loss of MedFuseSleep: fused head, unimodal heads and alignment.

    Parameters
    ----------
    class_weight : Tensor, shape (n_classes,), default=None
        Weight of each stage in the cross-entropies; None weights all alike.
    multi_view : float, default=1.0
        Weight of the cross-entropy of each unimodal head beside the fused one. A net of
        a single modality has no fused head, and the weight of its only head is 1.
    alignment : float, default=0.1
        Weight of the alignment loss of each pair of modalities.
    temperature : float, default=0.1
        Temperature of the alignment loss, or its first value if it is trained.
    negatives : {"sequence", "batch"}, default="sequence"
        Negatives in the alignment loss; see `alignment_loss`.
    learn_temperature : bool, default=False
        Whether the temperature is trained.
    min_modalities_for_fusion : int, default=2
        Modalities that an epoch must have to count for the fused head.

    Raises
    ------
    ValueError
        If a weight is below 0, the temperature not above 0, `negatives` neither of the
        two, or `min_modalities_for_fusion` below 1.

    See Also
    --------
    MedFuseNet : The net whose output this takes.
    multi_view_loss : The first two terms.
    alignment_loss : The last term.

    Notes
    -----
    With the cross-entropies CE of the logits of the fused head and of each modality m,
    over the epochs that have what the head needs, and the alignment loss AL of the
    embeddings e of each pair of modalities, over the epochs that have both::

        L = CE(fused) + multi_view sum_m CE(m) + alignment sum_{m < n} AL(e_m, e_n)

    In training, ``CE(subset)`` of a net with a subset head is added, which has no
    gradient but that of this head.

    A trained temperature is the exponential of a parameter, so that it stays above 0,
    and is kept from falling below 0.01, both as in CLIP.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MedFuseLoss, MedFuseOutput
    >>> there = torch.ones(1, 3, dtype=torch.bool)
    >>> output = MedFuseOutput(
    ...     {name: torch.zeros(1, 3, 5) for name in ("eeg", "eog", "fused")},
    ...     {name: torch.eye(3)[None] for name in ("eeg", "eog")},
    ... )
    >>> targets = {
    ...     "stages": torch.tensor([[0, 2, 4]]),
    ...     "present": {"eeg": there, "eog": there},
    ... }
    >>> round(MedFuseLoss()(output, targets).item(), 3)  # about three times log(5)
    4.828
    """

    class_weight: Tensor | None

    def __init__(
        self,
        class_weight: Tensor | None = None,
        *,
        multi_view: float = 1.0,
        alignment: float = 0.1,
        temperature: float = 0.1,
        negatives: Literal["sequence", "batch"] = "sequence",
        learn_temperature: bool = False,
        min_modalities_for_fusion: int = 2,
    ) -> None:
        super().__init__(temperature, learn_temperature=learn_temperature)
        owner = "MedFuseLoss"
        check_positive("multi_view", multi_view, owner=owner, zero=True)
        check_positive("alignment", alignment, owner=owner, zero=True)
        check_option("negatives", negatives, ("sequence", "batch"), owner=owner)
        check_count("min_modalities_for_fusion", min_modalities_for_fusion, owner=owner)
        self.register_buffer("class_weight", class_weight)
        self.multi_view = multi_view
        self.alignment = alignment
        self.negatives = negatives
        self.min_modalities_for_fusion = min_modalities_for_fusion

    def forward(self, output: MedFuseOutput, targets: Mapping[str, Any]) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : MedFuseOutput
            Logits and embeddings.
        targets : mapping
            ``"stages"``, int of shape (batch, seq), below 0 where an epoch is unscored;
            and ``"present"``, a dict of bool tensors, (batch, seq), the epochs that
            each modality has.

        Returns
        -------
        Tensor, shape ()
            The weighted sum.
        """
        present = targets["present"]
        weight = self.multi_view if FUSED in output.logits else 1.0
        weights = dict.fromkeys(output.embeddings, weight)
        if not self.training:  # the best weights are those for the other heads
            weights[SUBSET] = 0.0
        loss = multi_view_loss(
            output.logits,
            targets["stages"],
            present,
            weights=weights,
            class_weight=self.class_weight,
            min_modalities_for_fusion=self.min_modalities_for_fusion,
        )
        if not self.alignment:
            return loss
        temperature = self.temperature
        for a, b in combinations(output.embeddings, 2):
            loss = loss + self.alignment * alignment_loss(
                output.embeddings[a],
                output.embeddings[b],
                temperature=temperature,
                negatives=self.negatives,
                mask=present[a] & present[b],
            )
        return loss


def multi_view_loss(
    logits: Mapping[str, Tensor],
    labels: Tensor,
    present: Mapping[str, Tensor] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    class_weight: Tensor | None = None,
    min_modalities_for_fusion: int = 2,
) -> Tensor:
    """Sum of the cross-entropies of the unimodal heads and of the fused head.

    Parameters
    ----------
    logits : dict of Tensor, shape (batch, seq, n_classes)
        Logits of each head: modalities by name, and ``"fused"``.
    labels : Tensor of int, shape (batch, seq)
        The stages. Values below 0 are unscored epochs, which do not count.
    present : dict of Tensor of bool, shape (batch, seq), default=None
        The epochs that each modality has; by default, all. Only these count for its
        head.
    weights : dict of float, default=None
        Weight of each head; 1 where it is not named. Heads of weight 0 are left out.
    class_weight : Tensor, shape (n_classes,), default=None
        Weight of each stage; None weights all alike.
    min_modalities_for_fusion : int, default=2
        Modalities that an epoch must have to count for the fused head.

    Returns
    -------
    Tensor, shape ()
        The weighted sum over heads of the mean over epochs; 0 where none counts.

    Notes
    -----
    With weights of 1 this is L_CE + L_MS of MedFuseSleep; with 0 for every modality
    it is the loss of MedFuseSleep-Base.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import multi_view_loss
    >>> logits = {head: torch.zeros(2, 21, 5) for head in ("eeg", "eog", "fused")}
    >>> labels = torch.zeros(2, 21, dtype=torch.long)
    >>> round(multi_view_loss(logits, labels).item(), 3)  # three times log(5)
    4.828
    """
    weights = weights or {}
    loss = labels.new_zeros((), dtype=torch.float32)
    needed = min_modalities_for_fusion
    for head, counts in _countable(logits, labels, present or {}, needed).items():
        weight = weights.get(head, 1.0)
        if weight:
            entropy = _mean_entropy(logits[head], labels, counts, class_weight)
            loss = loss + weight * entropy
    return loss


def _countable(
    logits: Mapping[str, Tensor],
    labels: Tensor,
    present: Mapping[str, Tensor],
    min_modalities_for_fusion: int,
) -> dict[str, Tensor]:
    """Epochs that count for each head: scored, with the modalities it needs."""
    scored = labels >= 0
    counts = {head: scored & present.get(head, scored) for head in logits}
    joint = {FUSED, SUBSET} & set(counts)
    modalities = [counts[head] for head in counts if head not in joint]
    if modalities:
        enough = torch.stack(modalities).sum(0) >= min_modalities_for_fusion
        counts |= dict.fromkeys(joint, enough)
    return counts


def _mean_entropy(
    logits: Tensor, labels: Tensor, counts: Tensor, class_weight: Tensor | None
) -> Tensor:
    """Average the cross-entropy over epochs; 0 where none counts."""
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
    """InfoNCE loss between the embeddings of two modalities.

    Parameters
    ----------
    a : Tensor, shape (batch, seq, dim)
        Embeddings of the epochs by one modality.
    b : Tensor, shape (batch, seq, dim)
        Embeddings of the same epochs by another.
    temperature : float or Tensor of shape (), default=0.1
        Divisor of the cosines; a tensor may be trained.
    negatives : {"sequence", "batch"}, default="sequence"
        The other epochs of the sequence, as in the authors' code, or of the batch.
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
    0.1, is the caller's. With a temperature of 1 the loss hardly depends on the
    embeddings, since cosines end at 1.

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
