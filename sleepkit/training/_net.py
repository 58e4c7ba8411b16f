"""The skorch net that trains on batches of epochs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self

import torch
from skorch import NeuralNet
from skorch.utils import to_tensor
from torch import Tensor

from sleepkit._typing import IntArray
from sleepkit.training._batches import UNLABELLED
from sleepkit.training._inference import ReadOut
from sleepkit.training._structure import map_tensors
from sleepkit.utils import check_option

_NO_WEIGHT: Final = 1e-9


class LastBatch(NamedTuple):
    """A training batch after its backward pass, for callbacks.

    Attributes
    ----------
    output : object
        What the module returned.
    targets : dict of torch.Tensor
        The targets: ``"stages"``, the true class of each epoch, -1 where it is not
        trained on, ``"present"``, and those that a method adds.
    """

    output: Any
    targets: dict[str, Any]


class UserInterrupt(KeyboardInterrupt):
    """An interrupt by the user where that of a callback would stop the training."""


class _StopTraining(Exception):  # noqa: N818 - no error
    """Ends the training where a callback stops it."""


class StagingNet(NeuralNet):
    """A skorch net whose data are a pair of `Batches`, for training and validation.

    The module may return anything that the criterion understands: the criterion is
    called with the output and a dict of ``stages``, ``present`` and further targets.
    After each training batch's backward pass `last_batch_` holds what callbacks need
    (on ``on_grad_computed``); on ``on_batch_end`` they get classes and probabilities of
    the labelled epochs, so that skorch's ``EpochScoring`` works with scikit-learn's
    scorers of predictions. The losses of the history are those of the batches, averaged
    with their numbers of labelled epochs as weights. A callback that stops the training
    at the end of an epoch (by KeyboardInterrupt, as skorch's do) cuts no other callback
    short; any other KeyboardInterrupt, and one of a subclass, is the user's, and goes
    through.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The module, or what makes it.
    criterion : torch.nn.Module or callable
        The loss, or what makes it.
    read_out : callable, default=None
        Makes log-probabilities out of what the module returned and what is present;
        None leaves callbacks with batches as they are.
    precision : {'float32', 'bfloat16'}, default='float32'
        Floating-point type of matrix products and convolutions, forwards and
        backwards. Weights, the state of the optimizer, what the criterion and the
        callbacks get, and the loss stay in float32. Small gradients are not lost in
        bfloat16, so no loss is scaled up.
    **params : object
        Further parameters of ``skorch.NeuralNet``.

    Attributes
    ----------
    last_batch_ : LastBatch or None
        The batch whose gradients were just computed; None outside of training.
    stopped_ : bool
        Whether a callback stopped the training.
    is_main : bool
        Whether the process writes files and shows the progress: False in all but one
        of several that train together.
    n_processes : int
        Number of processes that train together.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sleepkit.training import ArraySource, Batches, StagingNet
    >>> class Net(torch.nn.Linear):
    ...     def forward(self, inputs, present):
    ...         return super().forward(inputs["eeg"])
    >>> def loss(output, targets):
    ...     return torch.nn.functional.cross_entropy(output, targets["stages"])
    >>> y = np.array([0, 1, 0, 1])
    >>> source = ArraySource({"eeg": y[:, np.newaxis].astype("f4")})
    >>> batches = Batches(source, {"stages": y}, batch_size=2)
    >>> net = StagingNet(lambda: Net(1, 2), lambda: loss, max_epochs=2, verbose=0)
    >>> len(net.fit((batches, None)).history)
    2
    """

    last_batch_: LastBatch | None = None
    stopped_: bool = False
    is_main: bool = True
    n_processes: int = 1

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
        """Train until the last epoch, or until a callback stops the training.

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
        options = ("float32", "bfloat16")
        check_option("precision", self.precision, options, owner="StagingNet")
        if not self.initialized_:
            self.initialize()
        self.stopped_ = False
        n_before = len(self.history)
        self.notify("on_train_begin", X=X, y=y)
        n_restored = len(self.history) - n_before  # by a Checkpoint
        if not self.stopped_:
            n_epochs = fit_params.pop("epochs", self.max_epochs) - n_restored
            with suppress(_StopTraining):
                self.fit_loop(X, y, epochs=n_epochs, **fit_params)
        self.notify("on_train_end", X=X, y=y)
        return self

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call all callbacks, also where one of them stops the training.

        Parameters
        ----------
        method_name : str
            Name of the hook.
        **cb_kwargs : object
            Arguments of the hook.
        """
        if method_name == "on_batch_end":
            self._count_labelled(cb_kwargs["batch"], training=cb_kwargs["training"])
            if self.read_out is not None:
                cb_kwargs |= self._labelled(cb_kwargs["batch"], cb_kwargs["y_pred"])
        getattr(self, method_name)(self, **cb_kwargs)
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except KeyboardInterrupt as stop:
                if method_name != "on_epoch_end" or type(stop) is not KeyboardInterrupt:
                    raise
                self.stopped_ = True
        if method_name == "on_epoch_end" and self.stopped_:
            raise _StopTraining

    def _count_labelled(self, batch: Any, *, training: bool) -> None:
        """Give the loss of a batch its weight in the mean, where skorch counts rows."""
        n_labelled = int((batch[1]["stages"] != UNLABELLED).sum())
        name = f"{'train' if training else 'valid'}_batch_size"
        # where no batch has any, the mean needs a weight all the same
        self.history.record_batch(name, n_labelled or _NO_WEIGHT)

    def _labelled(self, batch: Any, output: Any) -> dict[str, Any]:
        """Replace a batch by the classes and probabilities of its labelled epochs."""
        inputs, targets = batch
        known = targets["stages"] != UNLABELLED
        present = to_tensor(inputs["present"], device=self.device)
        read = self.read_out(output, present).detach().exp()  # type: ignore[misc]
        return {
            "batch": (inputs, targets["stages"][known]),
            "y_pred": read[torch.from_numpy(known)],
        }

    def predict(self, X: Any) -> IntArray:
        """Return classes for a scorer: the outputs that ``EpochScoring`` collected.

        Parameters
        ----------
        X : object
            Passed by skorch; the net is not run again.

        Returns
        -------
        ndarray of int of shape (n_labelled,)
            The number of the most probable class of each labelled epoch.
        """
        numbers: IntArray = self.predict_proba(X).argmax(axis=1)
        return numbers

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Training and validation data: the split was made by subject before.

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
        tuple of Batches and (Batches or None)
            Training and validation.
        """
        return X

    def get_iterator(self, dataset: Any, training: bool = False) -> Iterable[Any]:
        """Return the data set itself: `Batches` are an iterator.

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
        """Run the module on a batch, in the precision of training.

        Parameters
        ----------
        x : dict
            The input of the module.
        **fit_params : object
            Further input.

        Returns
        -------
        object
            What the module returned, in float32.
        """
        if self.precision != "bfloat16":
            return super().infer(x, **fit_params)
        device = next(self.module_.parameters()).device
        with torch.autocast(device.type, torch.bfloat16):
            output = super().infer(x, **fit_params)
        return map_tensors(_in_float32, output)

    def get_loss(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        """Compute the loss, and keep a training batch for callbacks.

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
            self.last_batch_ = LastBatch(y_pred, targets)
        loss: Tensor = self.criterion_(y_pred, targets)
        return loss

    def to_cpu(self) -> None:
        """Move to the CPU, and free the state of the optimizer."""
        self.device = "cpu"
        self.module_.to("cpu")
        self.criterion_.to("cpu")
        self.optimizer_.state.clear()
        self.last_batch_ = None


def _in_float32(x: Tensor) -> Tensor:
    """Convert a tensor of lower precision."""
    return x.float() if x.dtype == torch.bfloat16 else x
