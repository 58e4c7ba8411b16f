"""MaskSleepNet, reconstructed: any subset of the modalities, masked in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._check_pairs import check_betas, check_filters
from sleepkit.nn import MaskSleepNet
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.training._drop_schedule import drop_after
from sleepkit.utils import check_count, check_fraction


class MaskSleepNetClassifier(SleepClassifier):
    """Stage single epochs by any subset of the modalities: a reconstruction.

    Each modality has a CNN with a branch of short and one of long kernels; what they
    give is weighted, and a transformer attends within the epoch. Modalities are masked
    at random in training.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. All need
        one sampling rate.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch, and of the others. The second
        one is also the dimension of the transformer.
    n_layers : int, default=2
        Layers of the transformer.
    n_heads : int, default=8
        Heads of each layer, which must divide the second of `n_filters`.
    dim_feedforward : int, default=512
        Inner width of the feed-forward part of a layer.
    dropout : float, default=0.5
        Dropout of the CNN.
    attention_dropout : float, default=0.1
        Dropout of the transformer.
    masking : float, default=0.5
        Probability that an epoch of a training batch keeps a random subset of its
        modalities instead of all.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; None weighs all rows alike.
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
    patience : int, default=25
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
    sleepkit.nn.MaskSleepNet : The module, with the reference.
    MedFuseSleepClassifier : A method of spectra for any subset of the modalities.

    Notes
    -----
    No code of MaskSleepNet was released, and its sizes and training are not known. This
    is a reconstruction of its parts: results are not those of the paper. Learning
    rates, weight decay and batches are those of AttnSleep, but not its AMSGrad, its
    class weights or its patience. Kernels have a fixed number of samples, as at 100 Hz.

    **Implementation differences.** Unknown: all sizes, the masking and the training are
    a choice.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import MaskSleepNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = MaskSleepNetClassifier(
    ...     n_filters=(8, 16), dim_feedforward=32, max_epochs=4, batch_size=16,
    ...     lr=0.005, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        n_filters: tuple[int, int] = (64, 128),
        n_layers: int = 2,
        n_heads: int = 8,
        dim_feedforward: int = 512,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
        masking: float = 0.5,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-3,
        lr_drop_epoch: int | None = 10,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 1e-3,
        batch_size: int = 128,
        max_epochs: int = 100,
        validation_fraction: float = 0.1,
        patience: int = 25,
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
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dim_feedforward = dim_feedforward
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.masking = masking
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
        for name in ("n_layers", "n_heads", "dim_feedforward"):
            check_count(name, getattr(self, name), owner=owner)
        for name in ("dropout", "attention_dropout"):
            check_fraction(name, getattr(self, name), owner=owner)
        check_fraction("masking", self.masking, owner=owner, one=True)
        if self.lr_drop_epoch is not None:
            check_count("lr_drop_epoch", self.lr_drop_epoch, owner=owner)
        check_betas(self.betas, owner=owner)

    def _build_module(self) -> MaskSleepNet:
        """Build the net of the parameters."""
        return MaskSleepNet(
            self.layout_,
            len(self.classes_),
            n_filters=self.n_filters,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            dim_feedforward=self.dim_feedforward,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            masking=self.masking,
        )

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with a learning rate that falls once."""
        stage = self._stage(
            source,
            optimizer_params={"betas": tuple(self.betas)},
            callbacks=drop_after(self.lr_drop_epoch, self.max_epochs),
        )
        return [stage]
