"""AttnSleep: a two-scale CNN and attention with causal context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from sleepkit._typing import Array, RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._check_pairs import check_betas, check_filters
from sleepkit.classifiers._stage_weights import class_aware_weights
from sleepkit.nn import AttnSleep
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.training._drop_schedule import drop_after
from sleepkit.utils import check_count, check_fraction

_RATES = (100.0, 125.0)  # hertz, of the published net and its variant


class AttnSleepClassifier(SleepClassifier):
    """Stage single epochs of one EEG channel by a CNN and causal attention.

    A CNN with a branch of short and one of long kernels gives a few features, whose
    courses in time attend to each other.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch, and of the others.
    n_tokens : int, default=30
        Features that attend to each other.
    n_layers : int, default=2
        Layers of attention.
    n_heads : int, default=5
        Heads of each layer, which must divide the steps of an epoch: 80 at 100 Hz, 100
        at 125 Hz.
    dim_feedforward : int, default=120
        Inner width of the feed-forward part of a layer.
    dropout : float, default=0.5
        Dropout of the CNN.
    attention_dropout : float, default=0.1
        Dropout of the attention.
    class_weight : {'class-aware', 'balanced'}, mapping of class to float or None, \
default='class-aware'
        Weight of each class in the loss: as published, by its stage and by how rare it
        is among the training rows; see `SleepClassifier` for others. None weighs all
        rows alike.
    lr : float, default=1e-3
        Learning rate of Adam.
    lr_drop_epoch : int or None, default=10
        Passes after which the learning rate falls to a tenth, once; None keeps it.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's averages.
    weight_decay : float, default=1e-3
        Weight of the squared weights in Adam's gradient.
    batch_size : int, default=128
        Epochs in a batch.
    max_epochs : int, default=100
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=100
        Passes without a lower validation loss after which training stops.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one.
    callbacks : sequence of skorch.callbacks.Callback, default=None
        Further callbacks of the skorch net; see `SleepClassifier`.
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

    See Also
    --------
    sleepkit.nn.AttnSleep : The module, with the reference.
    MaskSleepNetClassifier : The same CNN for several modalities.

    Notes
    -----
    The published system reads one EEG channel in microvolts, neither filtered nor
    scaled: pass nights with that one. Adam is the variant with AMSGrad. Recordings must
    have 100 Hz, or the 125 Hz of the published variant, in which a kernel is shorter:
    resample others. Of plain arrays no rate is known.

    Class k of K, with N_k of N training rows, weighs ``mu_k max(1, ln(mu_k N / N_k))``,
    rounded to two digits, with mu_k 1.5, 2, 1.5, 1, 1.5 over K for W, N1, N2, N3, REM
    (their names or codes) and 1 over K for other classes.

    **Implementation differences.** The released code counts the classes of the test set
    too, and selects the weights by the accuracy on it. Here classes are those of the
    training rows, and the selection is by the loss on held-out training subjects.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import AttnSleepClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = AttnSleepClassifier(
    ...     n_filters=(8, 16), n_heads=1, max_epochs=4, batch_size=16, lr=0.005,
    ...     random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    _weightings = ("class-aware", "balanced")
    any_subset = False

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        n_filters: tuple[int, int] = (64, 128),
        n_tokens: int = 30,
        n_layers: int = 2,
        n_heads: int = 5,
        dim_feedforward: int = 120,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
        class_weight: str | Mapping[Any, float] | None = "class-aware",
        lr: float = 1e-3,
        lr_drop_epoch: int | None = 10,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 1e-3,
        batch_size: int = 128,
        max_epochs: int = 100,
        validation_fraction: float = 0.1,
        patience: int = 100,
        warm_start: bool = False,
        callbacks: Sequence[Any] | None = None,
        device: str = "auto",
        precision: str = "auto",
        max_ram: float = 4e9,
        n_threads: int | None = None,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.modalities = modalities
        self.n_filters = n_filters
        self.n_tokens = n_tokens
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dim_feedforward = dim_feedforward
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.class_weight = class_weight
        self.lr = lr
        self.lr_drop_epoch = lr_drop_epoch
        self.betas = betas
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

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        owner = type(self).__name__
        check_filters(self.n_filters, owner=owner)
        for name in ("n_tokens", "n_layers", "n_heads", "dim_feedforward"):
            check_count(name, getattr(self, name), owner=owner)
        for name in ("dropout", "attention_dropout"):
            check_fraction(name, getattr(self, name), owner=owner)
        if self.lr_drop_epoch is not None:
            check_count("lr_drop_epoch", self.lr_drop_epoch, owner=owner)
        check_betas(self.betas, owner=owner)

    def _class_weights(self, y: Array) -> Tensor | None:
        """Weights as published, or those of the parameter."""
        if self.class_weight == "class-aware":
            return class_aware_weights(self.classes_, y)
        return super()._class_weights(y)

    def _build_module(self) -> AttnSleep:
        """Build the net of the parameters."""
        return AttnSleep(
            self.layout_,
            len(self.classes_),
            n_filters=self.n_filters,
            n_tokens=self.n_tokens,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            dim_feedforward=self.dim_feedforward,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
        )

    def _check_source(self, source: EpochSource) -> None:
        """Refuse recordings of another rate; that of plain arrays is not known."""
        super()._check_source(source)
        if source.epoch_duration is None:
            return
        for name, shape in source.layout.items():
            rate = shape[-1] / source.epoch_duration
            if rate not in _RATES:
                msg = (
                    f"{type(self).__name__} takes signals of 100 or 125 Hz; {name!r} "
                    f"of X has {rate:g} Hz. See Resampler."
                )
                raise ValueError(msg)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with a learning rate that falls once."""
        stage = self._stage(
            source,
            optimizer_params={"betas": tuple(self.betas), "amsgrad": True},
            callbacks=drop_after(self.lr_drop_epoch, self.max_epochs),
        )
        return [stage]
