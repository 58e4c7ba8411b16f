"""Balance of the modalities in training: SleepMG's scaling of their gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor

from sleepkit._typing import FloatArray
from sleepkit.metrics import (
    balance_coefficients,
    imbalance_degree,
    performance_shares,
)
from sleepkit.training._modality_callback import TARGETS, ModalityCallback
from sleepkit.utils import check_option

# what is balanced -> the head that its coefficients come from
_HEAD_OF: Final = {"extractor": "classifier"} | {name: name for name in TARGETS}
_MODES: Final = ("gradient", "update")

MeanSquare = tuple[Any, int]  # of the coefficients, and the number of steps


class ModalityBalance(ModalityCallback):
    """Balance the modalities of a net while it is trained.

    After the backward pass of each batch, and before the step of the optimizer, the
    gradient of each modality's columns in a head is multiplied by that modality's
    coefficient, from `sleepkit.metrics.balance_coefficients`. The biases of the heads
    belong to no modality and stay as they are; so do the extractors, unless they are a
    target. The coefficients are computed from the features of the batch as they are, so
    balancing costs next to nothing.

    Parameters
    ----------
    targets : sequence of {"extractor", "classifier", "discriminator"}, \
default=("classifier", "discriminator")
        What to balance: the head of the stages, that of the domains, and, for the
        ablation of the paper's table 4, all parameters of each modality's extractor, by
        the coefficients of the classifier. A head that the module does not have is
        skipped. An empty sequence measures without balancing.
    metric : {"squared", "signed"}, default="squared"
        What counts as out of balance: see `sleepkit.metrics.balance_coefficients`.
    score : {"true_prob", "correct_prob"}, default="true_prob"
        How a modality is scored: see `sleepkit.metrics.modality_performance`.
    start : int, default=0
        First epoch that is balanced, counted from zero.
    stop : int, default=None
        First epoch that is not balanced any more; None is never.
    mode : {"gradient", "update"}, default="gradient"
        What the coefficients multiply: the gradient, as in the paper, or the step of
        the optimizer.

    See Also
    --------
    sleepkit.nn.BlockwiseHeads : What the module must provide.
    sleepkit.nn.SleepMGNet : Such a module.
    OnTheFlyModulation : An older balancing, of the extractors.

    Notes
    -----
    Equation 7 of SleepMG [1]_. Adam divides by the size of the gradients it has seen,
    so a constant coefficient leaves its steps as they were, and only changes of a
    coefficient within about a thousand steps count. ``mode="update"``, which is not in
    the paper, gives the coefficients their plain meaning under every optimizer.

    Both heads are measured in every step, balanced or not, and the history of the net
    holds the values of each batch, and their means of each epoch:
    ``classifier_score_eeg`` is the performance (equation 4), ``classifier_share_eeg``
    its share (5), ``classifier_rho_eeg`` the coefficient (6) and
    ``classifier_imbalance`` the imbalance degree, and likewise for the discriminator
    and other modalities. ``classifier_step_eeg`` is what the optimizer leaves of a
    coefficient: the factor by which it changes the step of the modality. Under Adam it
    is about 1 for a constant coefficient, in ``mode="update"`` the coefficient itself.

    Where a modality is absent its features are zero, and its score is that of the bias
    alone. The net must hold its current batch as ``last_batch_``, as `StagingNet` does:
    the output of the module, and the labels, below zero where unknown. A module with
    ``fusion="attention"`` raises an error, since none of its columns belong to one
    modality; so do extractors that modalities share, if they are a target.

    Callbacks that clip gradients go after this one. Under mixed precision scaled
    gradients may be multiplied before they are unscaled: the order does not matter.

    References
    ----------
    .. [1] SleepMG: Multimodal Generalizable Sleep Staging with Inter-modal Balance of
       Classification and Domain Discrimination. ACM Multimedia, 2024.

    Examples
    --------
    >>> from sleepkit.training import ModalityBalance
    >>> callbacks = [ModalityBalance(["classifier"], mode="update", start=5)]
    """

    def __init__(
        self,
        targets: Sequence[str] = ("classifier", "discriminator"),
        *,
        metric: Literal["squared", "signed"] = "squared",
        score: Literal["true_prob", "correct_prob"] = "true_prob",
        start: int = 0,
        stop: int | None = None,
        mode: Literal["gradient", "update"] = "gradient",
    ) -> None:
        self.targets = targets
        self.metric = metric
        self.score = score
        self.start = start
        self.stop = stop
        self.mode = mode

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:
        """Check the parameters, and that the module has what is to be balanced."""
        for target in self.targets:
            check_option("targets", target, _HEAD_OF, owner="ModalityBalance")
        check_option("mode", self.mode, _MODES, owner="ModalityBalance")
        self._check_module(net.module_, extractors="extractor" in self.targets)
        self.mean_squares_: dict[str, MeanSquare] = {}
        self.unscaled_: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_grad_computed(self, net: Any, named_parameters: Any, **_: Any) -> None:
        """Measure the balance of the batch, and scale gradients by it."""
        rho = {name: self._measure(net, name) for name in TARGETS}
        active = self._is_active(net)
        for target in self.targets:
            coefficients = rho[_HEAD_OF[target]]
            if coefficients is None:
                continue
            if active:
                for parameter, scale in _scales(net.module_, target, coefficients):
                    self._scale(parameter, scale)
            applied = coefficients if active else np.ones_like(coefficients)
            if self.mode == "gradient":
                applied = self._left_by_optimizer(net.optimizer_, target, applied)
            self._record_each(net, f"{target}_step", applied)

    def on_batch_end(self, net: Any, **_: Any) -> None:
        """With ``mode="update"``, scale the step that was made."""
        with torch.no_grad():
            for parameter, before, scale in self.unscaled_:
                parameter.copy_(before.lerp(parameter, scale))
        self.unscaled_ = []

    def _measure(self, net: Any, head: str) -> FloatArray | None:
        """Coefficients by one head, which are recorded with what they come from."""
        performance = self._performance(net, head, score=self.score)
        if performance is None:
            return None
        shares = performance_shares(performance)
        rho = balance_coefficients(shares, metric=self.metric)
        self._record(net, f"{head}_imbalance", imbalance_degree(shares))
        self._record_each(net, f"{head}_score", performance)
        self._record_each(net, f"{head}_share", shares)
        self._record_each(net, f"{head}_rho", rho)
        return rho

    def _scale(self, parameter: Tensor, scale: Tensor) -> None:
        """Scale the gradient now, or the update after the step."""
        if parameter.grad is None:
            return
        if self.mode == "update":
            self.unscaled_.append((parameter, parameter.detach().clone(), scale))
        else:
            parameter.grad *= scale

    def _left_by_optimizer(
        self, optimizer: Any, target: str, rho: FloatArray
    ) -> FloatArray:
        """Compute what the optimizer leaves of coefficients of the gradient."""
        betas = optimizer.param_groups[0].get("betas")
        if betas is None:
            return rho
        before = self.mean_squares_.get(target, (0.0, 0))
        factor, self.mean_squares_[target] = adam_factor(rho, before, float(betas[1]))
        return factor


def adam_factor(
    rho: FloatArray, before: MeanSquare, decay: float
) -> tuple[FloatArray, MeanSquare]:
    """Size of Adam's step by the coefficients of the gradient, and the new mean square.

    Adam divides a gradient by the root of a running mean of its squares. Where
    gradients are alike but for their coefficients, and momentum is left out, its step
    has the size of ``rho_t / sqrt(mean(rho^2))``: 1 for a constant coefficient.
    """
    mean, n_steps = before
    mean, n_steps = decay * mean + (1 - decay) * rho**2, n_steps + 1
    root = np.sqrt(mean / (1 - decay**n_steps))
    # without any gradient so far there is no step
    factor: FloatArray = np.zeros_like(root)
    np.divide(rho, root, out=factor, where=root > 0)
    return factor, (mean, n_steps)


def _scales(
    module: Any, target: str, rho: FloatArray
) -> Iterable[tuple[Tensor, Tensor]]:
    """Pair parameters with what they are multiplied by."""
    if target == "extractor":
        for name, coefficient in zip(module.slices, rho, strict=True):
            for parameter in module.extractors[name].parameters():
                yield parameter, parameter.new_tensor(float(coefficient))
        return
    weight = module.heads[target].weight
    scale = torch.ones_like(weight[0])
    for columns, coefficient in zip(module.slices.values(), rho, strict=True):
        scale[columns] = float(coefficient)
    yield weight, scale
