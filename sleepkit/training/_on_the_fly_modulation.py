"""On-the-fly gradient modulation (OGM-GE) of the extractors of the modalities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sleepkit.metrics import modulation_coefficients
from sleepkit.training._modality_callback import ModalityCallback
from sleepkit.utils import check_positive


class OnTheFlyModulation(ModalityCallback):
    """Modulate the extractors of a net by how far each modality is ahead.

    After the backward pass of each batch, and before the step of the optimizer, the
    gradients of the weights in each modality's extractor are multiplied by that
    modality's coefficient, from `sleepkit.metrics.modulation_coefficients`, and noise
    as large as they were is added. The heads stay as they are.

    Parameters
    ----------
    alpha : float, default=0.1
        Degree of the modulation.
    noise : bool, default=True
        Whether to add Gaussian noise to each weight's gradient, with the standard
        deviation that the gradient had before it was scaled: OGM-GE, otherwise OGM.
    start : int, default=0
        First epoch that is modulated, counted from zero.
    stop : int, default=50
        First epoch that is not modulated any more; None is never.

    See Also
    --------
    sleepkit.nn.BlockwiseHeads : What the module must provide.
    ModalityBalance : The balancing of SleepMG, of the heads.
    sleepkit.metrics.modulation_coefficients : The coefficients, with the reference.

    Notes
    -----
    Modulated are the kernels of convolutions and the matrices of linear layers: all
    parameters of two axes or more. The published code requires four axes, which no
    ``Conv1d`` has, so that on signals it would modulate nothing. A modality without any
    such weight raises an error. Biases and normalisations stay as they are, as
    published.

    A modality is judged by its own columns of the stages' head and its part of the
    bias, ``1 / n_modalities``. Coefficients of each batch, and their means of each
    epoch, are in the history of the net as ``ogm_eeg`` and so on. OGM-GE was made for
    SGD: Adam cancels a constant coefficient (see `ModalityBalance`).

    Examples
    --------
    >>> from sleepkit.classifiers import SleepMGClassifier
    >>> from sleepkit.training import OnTheFlyModulation
    >>> stager = SleepMGClassifier(
    ...     adversarial=0, balance=(), callbacks=[OnTheFlyModulation(alpha=0.3)]
    ... )
    """

    def __init__(
        self,
        alpha: float = 0.1,
        *,
        noise: bool = True,
        start: int = 0,
        stop: int | None = 50,
    ) -> None:
        self.alpha = alpha
        self.noise = noise
        self.start = start
        self.stop = stop

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:
        """Check the parameters, and that each modality has weights to modulate."""
        check_positive("alpha", self.alpha, owner="OnTheFlyModulation")
        self._check_module(net.module_, extractors=True)
        for name in net.module_.slices:
            if not _weights(net.module_.extractors[name]):
                msg = (
                    f"OnTheFlyModulation has nothing to modulate in the {name!r} "
                    "extractor: no weight of it has two axes or more."
                )
                raise ValueError(msg)

    def on_grad_computed(self, net: Any, named_parameters: Any, **_: Any) -> None:
        """Modulate the gradients of the extractors."""
        names = list(net.module_.slices)
        if not self._is_active(net):
            return
        performance = self._performance(net, "classifier", bias_share=1 / len(names))
        if performance is None:
            return
        found = modulation_coefficients(performance, alpha=self.alpha)
        self._record_each(net, "ogm", found)
        for name, coefficient in zip(names, found.tolist(), strict=True):
            for weight in _weights(net.module_.extractors[name]):
                if weight.grad is not None:
                    self._modulate(weight.grad, coefficient)

    def _modulate(self, grad: Tensor, coefficient: float) -> None:
        """Scale a gradient, and add noise of its old standard deviation."""
        # a single number does not vary
        spread = grad.std(correction=min(1, grad.numel() - 1)) + 1e-8
        grad *= coefficient
        if self.noise:
            grad += spread * torch.randn_like(grad)


def _weights(extractor: Any) -> list[Tensor]:
    """Kernels and matrices."""
    return [weight for weight in extractor.parameters() if weight.ndim > 1]
