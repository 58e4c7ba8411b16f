"""The skorch net that trains on batches of epochs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from skorch import NeuralNet
from skorch.utils import to_tensor
from torch import Tensor


class LastBatch(NamedTuple):
    """What callbacks may look at after the backward pass of a training batch.

    Attributes
    ----------
    output : object
        What the module returned.
    stages : torch.Tensor of int
        The true class of each epoch, -1 where it is not learnt.
    domains : torch.Tensor of int
        The domain of each epoch, -1 where none.
    """

    output: Any
    stages: Tensor
    domains: Tensor


class StagingNet(NeuralNet):
    """A skorch net whose data are a pair of `Batches`, for training and validation.

    The module may return anything that the criterion understands: the criterion is
    called with the output and a dict of ``stages``, ``domains`` and ``present``.
    After each training batch's backward pass `last_batch_` holds what callbacks need
    (on ``on_grad_computed``).

    Parameters
    ----------
    module : torch.nn.Module or callable
        The module, or what makes it.
    criterion : torch.nn.Module or callable
        The loss, or what makes it.
    **params : object
        Further parameters of ``skorch.NeuralNet``.

    Attributes
    ----------
    last_batch_ : LastBatch or None
        The batch whose gradients were just computed; None outside of training.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sleepkit.training import Batches, RowEpochs, StagingNet
    >>> class Net(torch.nn.Linear):
    ...     def forward(self, inputs, present):
    ...         return super().forward(inputs["eeg"])
    >>> def loss(output, targets):
    ...     return torch.nn.functional.cross_entropy(output, targets["stages"])
    >>> y = np.array([0, 1, 0, 1])
    >>> epochs = RowEpochs({"eeg": y[:, np.newaxis].astype("f4")})
    >>> batches = Batches(epochs, y, np.full(4, -1), batch_size=2)
    >>> net = StagingNet(lambda: Net(1, 2), lambda: loss, max_epochs=2, verbose=0)
    >>> len(net.fit((batches, None)).history)
    2
    """

    last_batch_: LastBatch | None = None

    def __init__(self, module: Any, criterion: Any, **params: Any) -> None:
        super().__init__(module, criterion, **params)

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Take the data apart: the split was made by subject, outside.

        Parameters
        ----------
        X : tuple of Batches and (Batches or None)
            Training and validation.
        y : object, default=None
            Ignored.
        **fit_params : object
            Ignored.

        Returns
        -------
        tuple
            The pair.
        """
        return X

    def get_iterator(self, dataset: Any, training: bool = False) -> Iterable[Any]:
        """Let the data make their own batches.

        Parameters
        ----------
        dataset : Batches
            The data.
        training : bool, default=False
            Ignored.

        Returns
        -------
        Batches
            The data.
        """
        batches: Iterable[Any] = dataset
        return batches

    def get_loss(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        """Compute the loss, and keep what callbacks need of a training batch.

        Parameters
        ----------
        y_pred : object
            What the module returned.
        y_true : dict
            The targets.
        X : dict, default=None
            The input of the module.
        training : bool, default=False
            Whether the loss will be followed by a backward pass.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        targets = to_tensor(y_true, device=self.device)
        if training:
            self.last_batch_ = LastBatch(y_pred, targets["stages"], targets["domains"])
        loss: Tensor = self.criterion_(y_pred, targets)
        return loss

    def rest(self) -> None:
        """Move to the CPU, and let go of what only training needs."""
        self.device = "cpu"
        self.module_.to("cpu")
        self.criterion_.to("cpu")
        self.optimizer_.state.clear()
        self.last_batch_ = None
