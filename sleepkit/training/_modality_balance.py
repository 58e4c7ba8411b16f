"""Scale what each modality learns by how far out of balance it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from sleepkit._typing import FloatArray
from sleepkit.metrics import (
    balance_coefficients,
    imbalance_degree,
    performance_shares,
)
from sleepkit.training._epoch_means import EpochMeans
from sleepkit.training._modality_view import (
    HEADS,
    check_blocks,
    head_performance,
    is_active,
)
from sleepkit.training._step_memory import StepMemory
from sleepkit.utils import check_option

# what is balanced -> the head whose coefficients it goes by
_HEAD_OF: Final = {"extractor": "classifier"} | {name: name for name in HEADS}
_MODES: Final = ("gradient", "update")


class ModalityBalance(Callback):
    """Balance the modalities of a `SleepMGNet` while it is trained.

    After each batch has been passed back, and before the step is made, the gradient of
    each modality's columns in a head is multiplied by that modality's coefficient, from
    `sleepkit.metrics.balance_coefficients`. The biases of the heads belong to no
    modality and stay as they are; so do the extractors, unless they are asked for. The
    coefficients come from the features of the batch as they are, so balancing costs
    next to nothing.

    Parameters
    ----------
    targets : sequence of {"extractor", "classifier", "discriminator"}, \
default=("classifier", "discriminator")
        What to balance: the head of the stages, that of the domains, and, for the
        ablation of the paper's table 4, all that is learnt in the extractor of each
        modality, by the coefficients of the classifier. A head that the module does not
        have is passed over. Nothing at all only measures.
    metric : {"squared", "signed"}, default="squared"
        What counts as out of balance: see `sleepkit.metrics.balance_coefficients`.
    score : {"true_prob", "correct_prob"}, default="true_prob"
        How a modality is scored: see `sleepkit.metrics.modality_performance`.
    start : int, default=0
        First epoch that is balanced, counted from zero.
    stop : int, default=None
        First epoch that is not balanced any more; None is never.
    mode : {"gradient", "update"}, default="gradient"
        What the coefficients multiply: the gradient, as in the paper, or the step that
        the optimizer makes of it.

    See Also
    --------
    sleepkit.nn.SleepMGNet : The module.
    OnTheFlyModulation : The balancing that came before, of the extractors.

    Notes
    -----
    Equation 7 of SleepMG [1]_. Adam divides by the size of the gradients it has seen,
    so a constant coefficient leaves its steps as they were, and only changes of a
    coefficient within about a thousand steps count. ``mode="update"``, which is not in
    the paper, gives the coefficients their plain meaning under every optimizer.

    Both heads are measured in every step, balanced or not, and the history of the net
    keeps it for each batch, and as a mean for each epoch: ``classifier_score_eeg`` is
    the performance (equation 4), ``classifier_share_eeg`` its share (5),
    ``classifier_rho_eeg`` the coefficient (6) and ``classifier_imbalance`` the
    imbalance degree, and likewise of the discriminator and other modalities. What the
    optimizer leaves of the coefficients of a target is ``classifier_step_eeg``: by how
    much they made the step of the modality larger or smaller. Under Adam it is about 1
    for a coefficient that stays as it is, in ``mode="update"`` the coefficient itself.

    Where a modality is absent its features are zero, and it scores as the bias alone.
    The net keeps its current batch as ``last_batch_``, with ``output``, a
    `SleepMGOutput`, and the labels ``stages`` and ``domains``, below zero where
    unknown. A module with ``fusion="attention"`` is refused, since none of its columns
    belong to one modality; so are extractors that modalities share.

    Callbacks that clip gradients go behind this one, so that they see what will be
    used. Under mixed precision scaled gradients may be multiplied before they are
    unscaled: the order does not matter.

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
        """Check the parameters, and that the module has what is to be balanced.

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
            If a target or the mode is unknown, or nothing belongs to one modality.
        """
        for target in self.targets:
            check_option("targets", target, _HEAD_OF, owner="ModalityBalance")
        check_option("mode", self.mode, _MODES, owner="ModalityBalance")
        check_blocks(
            net, owner="ModalityBalance", extractors="extractor" in self.targets
        )
        self.memory_: dict[str, StepMemory] = {}

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        """Forget what was measured in the last epoch.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        **_ : object
            Not used.
        """
        self.means_ = EpochMeans()
        self.unscaled_: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_grad_computed(self, net: Any, named_parameters: Any, **_: Any) -> None:
        """Measure the balance of the batch, and scale gradients by it.

        Parameters
        ----------
        net : NeuralNet
            The net in training.
        named_parameters : iterable
            Not used.
        **_ : object
            Not used.
        """
        rho = {name: self._measure(net, name) for name in HEADS}
        active = is_active(net, self.start, self.stop)
        for target in self.targets:
            coefficients = rho[_HEAD_OF[target]]
            if coefficients is None:
                continue
            if active:
                for parameter, scale in _scales(net.module_, target, coefficients):
                    self._scale(parameter, scale)
            applied = coefficients if active else np.ones_like(coefficients)
            if self.mode == "gradient":
                memory = self.memory_.setdefault(target, StepMemory(net.optimizer_))
                applied = memory.factor(applied)
            self._record_each(net, f"{target}_step", applied)

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
            for parameter, before, scale in self.unscaled_:
                parameter.copy_(before.lerp(parameter, scale))
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
        self.means_.write(net)

    def _measure(self, net: Any, name: str) -> FloatArray | None:
        """Compute the coefficients by one head, and record how they came about."""
        performance = head_performance(net, name, score=self.score)
        if performance is None:
            return None
        shares = performance_shares(performance)
        rho = balance_coefficients(shares, metric=self.metric)
        self.means_.record(net, f"{name}_imbalance", imbalance_degree(shares))
        self._record_each(net, f"{name}_score", performance)
        self._record_each(net, f"{name}_share", shares)
        self._record_each(net, f"{name}_rho", rho)
        return rho

    def _record_each(self, net: Any, key: str, values: FloatArray) -> None:
        """Write a value of each modality."""
        for modality, value in zip(net.module_.slices, values, strict=True):
            self.means_.record(net, f"{key}_{modality}", float(value))

    def _scale(self, parameter: Tensor, scale: Tensor) -> None:
        """Scale what is learnt: now, or after the step."""
        if parameter.grad is None:
            return
        if self.mode == "update":
            self.unscaled_.append((parameter, parameter.detach().clone(), scale))
        else:
            parameter.grad *= scale


def _scales(
    module: Any, target: str, rho: FloatArray
) -> Iterable[tuple[Tensor, Tensor]]:
    """Pair what is to be balanced with what it is multiplied by."""
    if target == "extractor":
        for name, coefficient in zip(module.slices, rho, strict=True):
            for parameter in module.extractors[name].parameters():
                yield parameter, parameter.new_tensor(float(coefficient))
        return
    weight = getattr(module, HEADS[target][0]).weight
    scale = torch.ones_like(weight[0])
    for columns, coefficient in zip(module.slices.values(), rho, strict=True):
        scale[columns] = float(coefficient)
    yield weight, scale
