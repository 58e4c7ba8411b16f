"""A stager of any torch module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from inspect import signature
from typing import Any, Self

from torch import nn

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._module_adapter import (
    ModuleAdapter,
    StepCheck,
    adapt,
    names_present,
)
from sleepkit.training import EpochSource, TrainingStage

_PREFIX = "module__"


class ModuleClassifier(SleepClassifier):
    """Stage epochs, or sequences of them, by a torch module of your own.

    The module takes the epochs as a tensor and returns logits; splits by subject, early
    stopping, streaming of nights from disk, missing rows and evaluation are those of
    every stager.

    Parameters
    ----------
    module : class of torch.nn.Module
        Made with the parameters ``module__x`` and, where its constructor names them,
        with ``n_classes``, the number of classes, and ``layout``, a dict of the shape
        of one epoch of each modality. Its forward takes a tensor (batch, ...), or
        (batch, seq, ...) with `sequence_length`, or a dict of them by modality where X
        has several; and ``present``, where it names that: a dict of bool tensors
        (batch,) or (batch, seq). It returns logits (batch, n_classes) or
        (batch, seq, n_classes). A module with ``encode`` and ``decode`` beside
        ``forward`` encodes each epoch of a night once in predictions, although it is in
        several sequences: ``encode(x)`` gives tensors (batch, seq, ...), or a nest of
        dicts and tuples of them, ``decode(encoded)`` the logits. Where these are not
        those of ``forward``, `fit` raises.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`.
    sequence_length : int, default=None
        Epochs in a sequence of one night; None gives the module epochs alone.
    stride : int, default=None
        Epochs from one sequence to the next in predictions, whose log-probabilities are
        averaged where they overlap; None is a quarter of `sequence_length`.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss, a cross-entropy; see `SleepClassifier`.
    lr : float, default=1e-3
        Learning rate of Adam.
    weight_decay : float, default=0.0
        Weight of the squared weights in Adam's gradient.
    batch_size : int, default=64
        Epochs, or sequences, in a batch.
    max_epochs : int, default=20
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=10
        Passes without a lower validation loss after which training stops.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one.
    callbacks : sequence of skorch.callbacks.Callback, default=None
        Further callbacks of the skorch net.
    device : str, default='auto'
        Device of torch; see `SleepClassifier`.
    precision : {'auto', 'float32', 'bfloat16'}, default='auto'
        Floating-point type of matrix products; see `SleepClassifier`.
    max_ram : float, default=4e9
        Bytes that computed nights may take in memory; see `SleepClassifier`.
    n_threads : int, default=None
        Threads of torch; see `SleepClassifier`.
    random_state : int, Generator, RandomState or None, default=None
        Seed of weights, dropout, batches and the inner split.
    verbose : bool, default=False
        Whether to show a progress bar.
    **module__params : object
        Parameters of the module, each named ``module__x``; they can be searched, as in
        ``GridSearchCV(stager, {"module__hidden": [8, 16]})``. The module gets copies,
        so that a pretrained module among them stays as it is.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes seen in `fit`.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares of the training rows.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    Raises
    ------
    TypeError
        If a parameter has another name.

    See Also
    --------
    SleepClassifier : The base class, for methods with losses or plans of their own.

    Notes
    -----
    A module that names ``present`` takes any subset of its modalities, and always gets
    all of them: values of 0, not present, where one is missing. For any other, epochs
    that lack a modality are not trained on, and predicted by `class_prior_`.

    Sequences are cut anew at each pass, and padded with epochs of zeros at both ends of
    a stretch without a gap. Batch normalisation counts them; ``present`` tells them
    apart. Batches differ in size by one row at most, and a `batch_size` of 2 gives a
    batch of one row where the rows are odd in number, which torch's batch normalisation
    refuses.

    A model file of `sleepkit.persistence` holds sleepkit's own classes only, since it
    runs no code of others. Keep a fitted `ModuleClassifier` with ``joblib.dump``, or
    its weights with ``torch.save(stager.module_.state_dict(), path)``.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from sleepkit.classifiers import ModuleClassifier
    >>> class Net(nn.Sequential):
    ...     def __init__(self, layout, n_classes, hidden=8):
    ...         n_features, = layout["eeg"]
    ...         first = nn.Linear(n_features, hidden)
    ...         super().__init__(first, nn.ReLU(), nn.Linear(hidden, n_classes))
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N2", "REM"], 40)
    >>> X = rng.normal(size=(80, 4)) + 4 * (y == "REM")[:, np.newaxis]
    >>> stager = ModuleClassifier(Net, module__hidden=16, lr=0.01, random_state=0)
    >>> stager.fit(X, y).score(X, y)
    1.0
    """

    def __init__(
        self,
        module: type[nn.Module],
        *,
        modalities: Mapping[str, Sequence[int]] | None = None,
        sequence_length: int | None = None,
        stride: int | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 64,
        max_epochs: int = 20,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        callbacks: Sequence[Any] | None = None,
        device: str = "auto",
        precision: str = "auto",
        max_ram: float = 4e9,
        n_threads: int | None = None,
        random_state: RandomState = None,
        verbose: bool = False,
        **module__params: Any,
    ) -> None:
        self.module = module
        self.modalities = modalities
        self.sequence_length = sequence_length
        self.stride = stride
        self.class_weight = class_weight
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.max_ram = max_ram
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose
        # scikit-learn's checks pass the name of the last argument as a keyword as well
        unknown = [name for name in module__params if not name.startswith(_PREFIX)]
        if unknown:
            msg = (
                f"ModuleClassifier() got an unexpected keyword argument {unknown[0]!r}"
                f"; parameters of the module are named {_PREFIX}{unknown[0]}."
            )
            raise TypeError(msg)
        self.__dict__.update(module__params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with those of the module as ``module__x``.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: no parameter is an estimator.

        Returns
        -------
        dict of str to object
            Names and values.
        """
        params: dict[str, Any] = super().get_params(deep=False)
        return params | self._further_params()

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the stager, and of the module as ``module__x``.

        Parameters
        ----------
        **params : object
            New values by name.

        Returns
        -------
        ModuleClassifier
            The classifier itself.

        Raises
        ------
        ValueError
            If a name is not one of a parameter.
        """
        further = {n: value for n, value in params.items() if n.startswith(_PREFIX)}
        own = {name: params[name] for name in params.keys() - further.keys()}
        super().set_params(**own)
        self.__dict__.update(further)
        return self

    def _further_params(self) -> dict[str, Any]:
        """Return what ``**module__params`` was."""
        return {n: value for n, value in vars(self).items() if n.startswith(_PREFIX)}

    @property
    def any_subset(self) -> bool:  # type: ignore[override]
        """Whether the module reads which modalities are present."""
        return names_present(self.module)

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        if not isinstance(self.module, type) or not issubclass(self.module, nn.Module):
            msg = (
                "The 'module' parameter of ModuleClassifier must be a class of "
                "torch.nn.Module, not an instance, so that every fit starts from new "
                f"weights. Got {self.module!r} instead."
            )
            raise ValueError(msg)
        accepted, further = self._accepted(), self._further_params()
        wrong = {name.removeprefix(_PREFIX) for name in further} - {*accepted}
        if accepted and wrong:
            msg = (
                f"{self.module.__name__} takes {', '.join(accepted)}. "
                f"Got {', '.join(_PREFIX + name for name in sorted(wrong))}."
            )
            raise ValueError(msg)

    def _accepted(self) -> list[str]:
        """Name the parameters of the module's constructor; none if it takes any."""
        parameters = signature(self.module).parameters.values()
        if any(p.kind == p.VAR_KEYWORD for p in parameters):
            return []
        return [p.name for p in parameters if p.kind != p.VAR_POSITIONAL]

    def _build_module(self) -> ModuleAdapter:
        """Make the module, and adapt it to batches of modalities."""
        offered = {"n_classes": len(self.classes_), "layout": dict(self.layout_)}
        named = signature(self.module).parameters
        given = {name: value for name, value in offered.items() if name in named}
        set_by_user = {
            name.removeprefix(_PREFIX): deepcopy(value)
            for name, value in self._further_params().items()
        }
        module = self.module(**given | set_by_user)
        return adapt(module, self.layout_, len(self.classes_))

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, in which a module of two steps is compared with its forward."""
        return [self._stage(source, callbacks=lambda _: [StepCheck()])]
