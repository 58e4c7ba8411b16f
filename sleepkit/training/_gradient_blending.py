"""Adaptive gradient blending: heads of a net weighted by how they generalise."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from skorch.callbacks import Callback
from skorch.utils import to_tensor

from sleepkit._typing import FloatArray
from sleepkit.training._batches import UNLABELLED, Batches
from sleepkit.utils import check_option

_EPS: Final = 1e-6
_LEAST: Final = 1e-5  # weight of a head that has any, by slopes
_WINDOW: Final = 20  # losses that are averaged, and averages that a line is fitted to


class GradientBlending(Callback):
    """Weigh the losses of several heads by how each generalises, and how it overfits.

    At every validation the losses of all heads are computed on the held-out subjects
    and on as many epochs of the training nights. A head whose held-out loss falls as
    its training loss does gets a large weight, one that overfits a small one.

    Parameters
    ----------
    variant : {2, 1}, default=2
        How losses are compared: by the slopes of their averages, with the slopes where
        the held-out loss fell fastest, from the 21st losses on; or by their differences
        to those before the training. Those of XSleepNet2 and XSleepNet1.

    See Also
    --------
    sleepkit.nn.XSleepNetLoss : A loss with weights of its heads.
    ModalityBalance : A balance of modalities by their gradients.

    Notes
    -----
    The policy of XSleepNet [1]_, of a generalisation G and an overfitting O::

        w = max(0, G / (O^2 + 1e-6)),  divided by the sum over the heads

    and one over the number of heads where all are 0. For slopes s of the held-out and
    the training loss, ``G = s_valid - ref_valid`` and ``O = (s_valid - s_train) -
    (ref_valid - ref_train)``, where `ref` are the slopes at the steepest fall so far.
    This is the sign of the released code: with the opposite one no head would get any
    weight. For ``variant=1`` these are ``G = d_valid`` and ``O = d_train - d_valid``
    with the falls d of the mean losses since the start; the released scripts give it no
    size of the validation set, so that its weights are NaN from the first.

    Slopes are those of summed losses, as large as if the loss of each held-out epoch
    were added once, in both sets: by the constant 1e-6 it matters.

    The criterion must have ``heads``, their names, a buffer ``weights`` and a method
    ``losses(output, targets)``. Without held-out subjects the weights stay as they are.
    The history of the net has them as ``weight_joint`` and so on.

    References
    ----------
    .. [1] Phan et al., "XSleepNet: Multi-View Sequential Model for Automatic Sleep
       Staging". IEEE TPAMI 44(9), 2022.

    Examples
    --------
    >>> from sleepkit.training import GradientBlending
    >>> callbacks = [GradientBlending(variant=1)]
    """

    def __init__(self, variant: Literal[1, 2] = 2) -> None:
        self.variant = variant

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:
        """Check the criterion, and compute the losses before the training."""
        check_option("variant", self.variant, (1, 2), owner="GradientBlending")
        missing = [
            name
            for name in ("heads", "losses", "weights")
            if not hasattr(net.criterion_, name)
        ]
        if missing:
            msg = (
                "GradientBlending needs a loss of several heads, such as "
                f"XSleepNetLoss; {type(net.criterion_).__name__} has no "
                f"{', no '.join(missing)}."
            )
            raise ValueError(msg)
        train, valid = X
        self._sets: tuple[Batches, ...] = ()
        if valid is not None:
            self._sets = (_like(getattr(train, "batches", train), valid), valid)
        self.curves_: list[list[list[float]]] = []  # [time][train or valid][head]
        self._add_losses(net)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Weigh the heads by all losses so far."""
        self._add_losses(net)
        if self._sets:
            found = self._weights(int(self._sets[1].labelled.sum()))
            net.criterion_.weights.copy_(torch.from_numpy(found))
        weights = net.criterion_.weights.tolist()
        for name, weight in zip(net.criterion_.heads, weights, strict=True):
            net.history.record(f"weight_{name}", weight)

    def _add_losses(self, net: Any) -> None:
        """Compute the losses of both sets."""
        if self._sets:
            self.curves_.append([_mean_losses(net, part) for part in self._sets])

    def _weights(self, n_windows: int) -> FloatArray:
        """Weights by the variant."""
        train, valid = np.moveaxis(np.array(self.curves_), 1, 0)
        if self.variant == 1:
            return progress_weights(train, valid)
        return slope_weights(n_windows * train, n_windows * valid)


def progress_weights(train: FloatArray, valid: FloatArray) -> FloatArray:
    """Weights by the falls of mean losses (n_times, n_heads) since the first."""
    fall_train, fall_valid = train[0] - train[-1], valid[0] - valid[-1]
    return _blend(fall_valid, fall_train - fall_valid)


def slope_weights(train: FloatArray, valid: FloatArray) -> FloatArray:
    """Weights by the slopes of summed losses (n_times, n_heads)."""
    n_times, n_heads = valid.shape
    if n_times <= _WINDOW:
        return np.full(n_heads, 1 / n_heads)
    slope_train, slope_valid = _slopes(train), _slopes(valid)
    steepest = slope_valid[:-1].argmin(axis=0), np.arange(n_heads)
    gap = slope_valid - slope_train
    weights = _blend(slope_valid[-1] - slope_valid[steepest], gap[-1] - gap[steepest])
    weights[(weights > 0) & (weights < _LEAST)] = _LEAST
    return weights


def _blend(generalisation: FloatArray, overfitting: FloatArray) -> FloatArray:
    """Weights that sum to one; all alike where no head generalises."""
    weights = np.maximum(generalisation / (overfitting**2 + _EPS), 0)
    total = weights.sum()
    if not 0 < total < np.inf:
        return np.full(len(weights), 1 / len(weights))
    blended: FloatArray = weights / total
    return blended


def _slopes(losses: FloatArray) -> FloatArray:
    """Slopes of lines through the averages of each window, (n_windows, n_heads)."""
    sums = np.cumsum(losses, axis=0)
    sums[_WINDOW:] -= sums[:-_WINDOW].copy()
    counts = np.minimum(np.arange(1, len(losses) + 1), _WINDOW)
    averages = sums / counts[:, np.newaxis]
    times = np.arange(_WINDOW) - (_WINDOW - 1) / 2
    times /= np.square(times).sum()
    slopes: FloatArray = sliding_window_view(averages, _WINDOW, axis=0) @ times
    return slopes


def _mean_losses(net: Any, batches: Batches) -> list[float]:
    """Mean loss of each head over the labelled epochs."""
    total: Any = 0.0
    for batch in batches:
        output = net.evaluation_step(batch, training=False)
        targets = to_tensor(batch[1], device=net.device)
        with torch.no_grad():
            losses = net.criterion_.losses(output, targets)
        n_labelled = int((batch[1]["stages"] != UNLABELLED).sum())
        total = total + n_labelled * losses.double().cpu().numpy()
    means: list[float] = (total / batches.labelled.sum()).tolist()
    return means


def _like(train: Batches, valid: Batches) -> Batches:
    """Training nights with about as many labelled epochs as the validation has."""
    night, labelled = train.source.night, train.labelled
    nights, counts = np.unique(night[labelled], return_counts=True)
    order = np.random.default_rng(0).permutation(len(nights))
    enough = np.searchsorted(np.cumsum(counts[order]), valid.labelled.sum())
    chosen = np.isin(night, nights[order[: enough + 1]])
    stages = np.where(chosen, train.targets["stages"], UNLABELLED)
    targets = {**train.targets, "stages": stages}
    return Batches(train.source, targets, train.batch_size, train.length)
