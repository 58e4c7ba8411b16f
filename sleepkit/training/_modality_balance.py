"""Scale what each modality learns in the heads by how far out of balance it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit._typing import FloatArray, IntArray
from sleepkit.metrics import (
    balance_coefficients,
    imbalance_degree,
    modality_performance,
    performance_shares,
)
from sleepkit.nn import modality_logits
from sleepkit.utils import check_option

# head -> where the module keeps it, and where the batch keeps its labels
_HEADS: Final = {
    "classifier": ("stage_head", "stages"),
    "discriminator": ("domain_head", "domains"),
}


class ModalityBalance(Callback):
    """Balance the modalities of a `SleepMGNet` while it is trained.

    After each batch has been passed back, and before the step is made, the gradient of
    each modality's columns in a head is multiplied by that modality's coefficient, from
    `sleepkit.metrics.balance_coefficients`. The biases of the heads belong to no
    modality and stay as they are; so do the extractors. The coefficients come from the
    features of the batch as they are, so balancing costs next to nothing.

    Parameters
    ----------
    heads : sequence of {"classifier", "discriminator"}, \
default=("classifier", "discriminator")
        Heads to balance: that of the stages and that of the domains. A head that the
        module does not have is passed over.
    metric : {"squared", "signed"}, default="squared"
        What counts as out of balance: see `sleepkit.metrics.balance_coefficients`.
    score : {"true_prob", "correct_prob"}, default="true_prob"
        How a modality is scored: see `sleepkit.metrics.modality_performance`.
    mod_start : int, default=0
        First epoch that is balanced, counted from zero.
    mod_end : int, default=None
        First epoch that is not balanced any more; None is never.
    mode : {"gradient", "update"}, default="gradient"
        What the coefficients multiply: the gradient, as in the paper, or the step that
        the optimizer makes of it.

    See Also
    --------
    sleepkit.nn.SleepMGNet : The module.

    Notes
    -----
    Equation 7 of SleepMG [1]_. Adam divides by the size of the gradients it has seen,
    so a constant coefficient leaves its steps as they were, and only changes of a
    coefficient within about a thousand steps count. ``mode="update"``, which is not in
    the paper, gives the coefficients their plain meaning under every optimizer.

    Coefficients are measured in every epoch, balanced or not, and their means over an
    epoch are kept in the history of the net as ``classifier_rho_eeg``,
    ``classifier_share_eeg`` and ``classifier_imbalance``, and likewise for the other
    head and modalities. With ``mod_end=0`` that is all that is done.

    Where a modality is absent its features are zero, and it scores as the bias alone.
    The net keeps its current batch as ``last_batch_``, with ``output``, a
    `SleepMGOutput`, and the labels ``stages`` and ``domains``, below zero where
    unknown. Callbacks that clip gradients go behind this one.

    References
    ----------
    .. [1] SleepMG: Multimodal Generalizable Sleep Staging with Inter-modal Balance of
       Classification and Domain Discrimination. ACM Multimedia, 2024.

    Examples
    --------
    >>> from sleepkit.training import ModalityBalance
    >>> callbacks = [ModalityBalance(heads=["classifier"], mod_start=5)]
    """

    def __init__(
        self,
        heads: Sequence[str] = ("classifier", "discriminator"),
        *,
        metric: Literal["squared", "signed"] = "squared",
        score: Literal["true_prob", "correct_prob"] = "true_prob",
        mod_start: int = 0,
        mod_end: int | None = None,
        mode: Literal["gradient", "update"] = "gradient",
    ) -> None:
        self.heads = heads
        self.metric = metric
        self.score = score
        self.mod_start = mod_start
        self.mod_end = mod_end
        self.mode = mode

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:
        """Check the parameters.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        X, y : object
            Not used.
        **_ : object
            Not used.

        Raises
        ------
        ValueError
            If a head or the mode is unknown.
        """
        for head in self.heads:
            check_option("heads", head, _HEADS, owner="ModalityBalance")
        check_option("mode", self.mode, ["gradient", "update"], owner="ModalityBalance")

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        """Forget the measurements of the last epoch.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **_ : object
            Not used.
        """
        self.measured_: dict[str, list[float]] = {}
        self.unscaled_: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_grad_computed(self, net: Any, named_parameters: Any, **_: Any) -> None:
        """Measure the balance of the batch and scale the gradients of the heads.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        named_parameters : iterable
            Not used.
        **_ : object
            Not used.
        """
        epoch = len(net.history) - 1
        stop = np.inf if self.mod_end is None else self.mod_end
        for name in self.heads:
            attribute, labels_of = _HEADS[name]
            head = getattr(net.module_, attribute)
            labels = getattr(net.last_batch_, labels_of).cpu().numpy()
            if head is None or (labels < 0).all():
                continue
            features, slices = net.last_batch_.output.features, net.module_.slices
            rho = self._measure(name, head, features, labels, slices)
            if self.mod_start <= epoch < stop:
                self._scale(head.weight, rho, slices)

    def on_batch_end(self, net: Any, **_: Any) -> None:
        """With ``mode="update"``, scale the step that was made.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **_ : object
            Not used.
        """
        with torch.no_grad():
            for weight, before, scale in self.unscaled_:
                weight.copy_(before.lerp(weight, scale))
        self.unscaled_ = []

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Write the means of the epoch into the history.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **_ : object
            Not used.
        """
        for key, values in self.measured_.items():
            net.history.record(key, float(np.mean(values)))

    def _measure(
        self,
        name: str,
        head: nn.Linear,
        features: Tensor,
        labels: IntArray,
        slices: dict[str, slice],
    ) -> FloatArray:
        """Compute the coefficients of the modalities, and remember them."""
        with torch.no_grad():
            alone = modality_logits(head, features, slices)
            logits = torch.stack(list(alone.values())).float().cpu().numpy()
        performance = modality_performance(logits, labels, score=self.score)
        shares = performance_shares(performance)
        rho = balance_coefficients(shares, metric=self.metric)
        self._remember(f"{name}_imbalance", imbalance_degree(shares))
        for modality, share, coefficient in zip(slices, shares, rho, strict=True):
            self._remember(f"{name}_share_{modality}", share)
            self._remember(f"{name}_rho_{modality}", coefficient)
        return rho

    def _remember(self, key: str, value: float) -> None:
        """Keep a value until the end of the epoch."""
        self.measured_.setdefault(key, []).append(value)

    def _scale(self, weight: Tensor, rho: FloatArray, slices: dict[str, slice]) -> None:
        """Scale the columns of each modality: now, or after the step."""
        scale = torch.ones_like(weight[0])
        for columns, coefficient in zip(slices.values(), rho, strict=True):
            scale[columns] = float(coefficient)
        if self.mode == "update":
            self.unscaled_.append((weight, weight.detach().clone(), scale))
        elif weight.grad is not None:
            weight.grad *= scale
