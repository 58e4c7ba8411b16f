"""The skorch net that trains on batches of epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Self

import torch
from skorch import NeuralNet
from skorch.utils import to_tensor
from torch import Tensor

from sleepkit._typing import IntArray
from sleepkit.training._batches import UNLABELLED
from sleepkit.training._stage import ReadOut


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


class _StopTraining(Exception):  # noqa: N818 - no error
    """A callback wants no further epochs."""


class StagingNet(NeuralNet):
    """A skorch net whose data are a pair of `Batches`, for training and validation.

    The module may return anything that the criterion understands: the criterion is
    called with the output and a dict of ``stages``, ``domains`` and ``present``.
    After each training batch's backward pass `last_batch_` holds what callbacks need
    (on ``on_grad_computed``); on ``on_batch_end`` they get classes and probabilities of
    the labelled epochs, so that skorch's ``EpochScoring`` works with scikit-learn's
    scorers of predictions. A callback that stops the training at the end of an epoch
    (by KeyboardInterrupt, as skorch's do) cuts no other callback short; any other
    KeyboardInterrupt is the user's, and goes through.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The module, or what makes it.
    criterion : torch.nn.Module or callable
        The loss, or what makes it.
    read_out : callable, default=None
        Makes log-probabilities out of what the module returned and what is present, as
        for `stage`; None leaves callbacks with batches as they are.
    precision : {'float32', 'bfloat16'}, default='float32'
        Numbers that the module computes in. With bfloat16 matrix products and
        convolutions are, forwards and backwards; weights, the state of the optimizer,
        what the criterion and the callbacks get, and the loss stay in float32. Small
        gradients are not lost, so no loss is scaled up.
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

    def __init__(
        self,
        module: Any,
        criterion: Any,
        read_out: ReadOut | None = None,
        precision: str = "float32",
        **params: Any,
    ) -> None:
        super().__init__(module, criterion, **params)
        self.read_out = read_out
        self.precision = precision

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, **fit_params: Any
    ) -> Self:
        """Train, until the epochs are over or a callback stops.

        Parameters
        ----------
        X : tuple of Batches and (Batches or None)
            Training and validation.
        y : object, default=None
            Ignored.
        classes : object, default=None
            Ignored.
        **fit_params : object
            Passed on to skorch.

        Returns
        -------
        StagingNet
            The net itself.
        """
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        with suppress(_StopTraining):
            self.fit_loop(X, y, **fit_params)
        self.notify("on_train_end", X=X, y=y)
        return self

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call all callbacks, also where one of them wants this epoch to be the last.

        Parameters
        ----------
        method_name : str
            Their method.
        **cb_kwargs : object
            What it is called with.
        """
        if method_name == "on_batch_end" and self.read_out is not None:
            cb_kwargs |= self._labelled(cb_kwargs["batch"], cb_kwargs["y_pred"])
        stopped = False
        getattr(self, method_name)(self, **cb_kwargs)
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except KeyboardInterrupt:
                if method_name != "on_epoch_end":
                    raise
                stopped = True
        if stopped:
            raise _StopTraining

    def _labelled(self, batch: Any, output: Any) -> dict[str, Any]:
        """Give classes and probabilities of the epochs in a batch that have a class."""
        inputs, targets = batch
        known = targets["stages"] != UNLABELLED
        present = to_tensor(inputs["present"], device=self.device)
        read = self.read_out(output, present).detach().exp()  # type: ignore[misc]
        return {
            "batch": (inputs, targets["stages"][known]),
            "y_pred": read[torch.from_numpy(known)],
        }

    def predict(self, X: Any) -> IntArray:
        """Give classes to a scorer, by the outputs that ``EpochScoring`` collected.

        Parameters
        ----------
        X : object
            What skorch hands on; the net is not run again.

        Returns
        -------
        ndarray of int of shape (n_labelled,)
            The number of the most probable class of each labelled epoch.
        """
        numbers: IntArray = self.predict_proba(X).argmax(axis=1)
        return numbers

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

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module on a batch, in the precision that was asked for.

        Parameters
        ----------
        x : dict
            The input of the module.
        **fit_params : object
            Further input.

        Returns
        -------
        object
            What the module returned, its numbers in float32.
        """
        if self.precision != "bfloat16":
            return super().infer(x, **fit_params)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            output = super().infer(x, **fit_params)
        return _in_float32(output)

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


def _in_float32(output: Any) -> Any:
    """Convert the numbers of lower precision in what a module returned."""
    if isinstance(output, Tensor):
        return output.float() if output.dtype == torch.bfloat16 else output
    if isinstance(output, Mapping):
        return {name: _in_float32(part) for name, part in output.items()}
    if isinstance(output, tuple):
        parts = [_in_float32(part) for part in output]
        return output._make(parts) if hasattr(output, "_make") else tuple(parts)
    return output
