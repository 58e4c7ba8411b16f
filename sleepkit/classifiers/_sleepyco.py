"""SleePyCo: contrastive training of a pyramid, then a transformer on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
from torch import Tensor, nn

from sleepkit._typing import FloatArray, RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._epoch_duration import fitted_duration
from sleepkit.classifiers._split import Split
from sleepkit.nn import SleePyCo, SleePyCoLoss, SupervisedContrastiveLoss
from sleepkit.training import EpochSource, SignalAugmentation, TrainingStage
from sleepkit.training._inference import ReadOut
from sleepkit.training._window_source import WindowSource
from sleepkit.utils import check_count, check_fraction, check_positive

_COUNTS = (
    "sequence_length",
    "d_model",
    "n_heads",
    "n_layers",
    "dim_feedforward",
    "pretrain_epochs",
    "pretrain_batch_size",
    "pretrain_validate_every",
    "validate_every",
)


def read_scales(
    output: Tensor,
    present: dict[str, Tensor],  # noqa: ARG001 - all modalities are present
) -> Tensor:
    """Log-probabilities by the sum of the logits of all scales."""
    log_proba: Tensor = output.float().sum(1).log_softmax(-1)
    return log_proba


class SleePyCoClassifier(SleepClassifier):
    """Stage each epoch of raw signals from a window of epochs that ends with it.

    A convolutional pyramid is trained first, by the supervised contrastive loss of two
    augmented views of single epochs. It is then frozen, and a transformer that reads
    its last three levels is trained on windows of `sequence_length` epochs. Each window
    predicts its last epoch only, and each epoch is predicted by one window.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    epoch_duration : float, default=None
        Length of an epoch in seconds, for augmentations in seconds. None is that of the
        nights, and 30 s for plain arrays.
    sequence_length : int, default=10
        Epochs in a window.
    augmentation : mapping of str to object, default=None
        Parameters of `sleepkit.training.SignalAugmentation`, without `only`, that makes
        the views; None takes its default values, for signals in microvolts.
    temperature : float, default=0.07
        Temperature of the contrastive loss.
    n_filters : sequence of int, default=(64, 128, 192, 256, 256)
        Filters of each of the five levels.
    d_model : int, default=128
        Size of a token.
    n_heads : int, default=8
        Attention heads.
    n_layers : int, default=6
        Layers of the transformer.
    dim_feedforward : int, default=128
        Hidden units of these layers.
    dropout : float, default=0.0
        Dropout of the transformer.
    norm_momentum : float, default=0.1
        Weight of a batch in the running statistics of batch normalisation.
    pretrain_epochs : int, default=500
        Passes of the first stage at most.
    pretrain_batch_size : int, default=1024
        Epochs in a batch of the first stage, which has two views of each.
    pretrain_validate_every : int, default=50
        Steps of the first stage from one validation to the next.
    validate_every : int, default=500
        Steps of the second stage from one validation to the next.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss of the second stage; see `SleepClassifier`.
    lr : float, default=5e-4
        Learning rate of Adam.
    weight_decay : float, default=1e-4
        Weight of the squared weights in Adam's gradient.
    batch_size : int, default=64
        Windows in a batch of the second stage.
    max_epochs : int, default=500
        Passes of the second stage at most.
    validation_fraction : float, default=0.2
        Share of the subjects held out to select the best weights of each stage; see
        `SleepClassifier`.
    patience : int, default=20
        Validations without a lower loss after which a stage stops.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one, with the second stage.
    callbacks : sequence of skorch.callbacks.Callback, default=None
        Further callbacks of both stages.
    device : str, default='auto'
        Device of torch; see `SleepClassifier`.
    precision : {'auto', 'float32', 'bfloat16'}, default='auto'
        Floating-point type of matrix products; see `SleepClassifier`.
    max_ram : float, default=4e9
        Bytes that computed nights may take in memory; see `SleepClassifier`.
    n_threads : int, default=None
        Threads of torch; see `SleepClassifier`.
    random_state : int, Generator, RandomState or None, default=None
        Seed of weights, augmentations, batches and the inner split.
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
        The skorch net, on the CPU, with the history of the second stage.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.SleePyCo : The module, with the references.
    DeepSleepNetClassifier : Another method of two stages, for sequences.

    Notes
    -----
    The published system reads one EEG channel in microvolts at 100 Hz, neither filtered
    nor scaled. Its first and second stage validate every 50 and 500 steps (500 and
    5,000 on SHHS), and stop after 20 validations without a lower loss.

    **The first epochs of a night.** The released evaluation never scores the first nine
    epochs of a night. Here every epoch is predicted, and trained on: where a night, or
    its stretch behind a gap, begins within the window, its first epoch is repeated.
    Published figures leave out the predictions of these nine. The rows of plain arrays
    stand alone, as nights of one epoch: take ``sequence_length=1`` for them.

    **Implementation differences.**

    - Validation losses are averaged over epochs instead of summed over batches. As
      released, that of the first stage takes each epoch as it is, twice.
    - The share of held-out subjects is this package's; the released code has lists.
    - Epochs of 20 s are not extended to 30 s in the first stage; windows of them that
      last as long have 15.
    - See also `sleepkit.nn.SleePyCo`.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import SleePyCoClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 90, 10)[:, None, None]
    >>> stager = SleePyCoClassifier(
    ...     sequence_length=1, n_filters=(4, 4, 8, 8, 8), d_model=8, n_heads=2,
    ...     n_layers=1, augmentation={"scale": None}, pretrain_epochs=5,
    ...     pretrain_batch_size=16, batch_size=16, max_epochs=10, lr=0.01,
    ...     random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    any_subset = False
    sequence_length: int

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        epoch_duration: float | None = None,
        sequence_length: int = 10,
        augmentation: Mapping[str, Any] | None = None,
        temperature: float = 0.07,
        n_filters: Sequence[int] = (64, 128, 192, 256, 256),
        d_model: int = 128,
        n_heads: int = 8,
        n_layers: int = 6,
        dim_feedforward: int = 128,
        dropout: float = 0.0,
        norm_momentum: float = 0.1,
        pretrain_epochs: int = 500,
        pretrain_batch_size: int = 1024,
        pretrain_validate_every: int = 50,
        validate_every: int = 500,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 5e-4,
        weight_decay: float = 1e-4,
        batch_size: int = 64,
        max_epochs: int = 500,
        validation_fraction: float = 0.2,
        patience: int = 20,
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
        self.epoch_duration = epoch_duration
        self.sequence_length = sequence_length
        self.augmentation = augmentation
        self.temperature = temperature
        self.n_filters = n_filters
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.dim_feedforward = dim_feedforward
        self.dropout = dropout
        self.norm_momentum = norm_momentum
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_batch_size = pretrain_batch_size
        self.pretrain_validate_every = pretrain_validate_every
        self.validate_every = validate_every
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

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        owner = type(self).__name__
        for name in _COUNTS:
            check_count(name, getattr(self, name), owner=owner)
        for name in ("temperature", "norm_momentum"):
            check_positive(name, getattr(self, name), owner=owner)
        check_fraction("dropout", self.dropout, owner=owner)
        check_fraction("norm_momentum", self.norm_momentum, owner=owner, one=True)
        if self.epoch_duration is not None:
            check_positive("epoch_duration", self.epoch_duration, owner=owner)
        augmentation = self._augmentation(30.0)
        augmentation.check()
        if augmentation.only is not None:
            msg = (
                f"The 'augmentation' parameter of {owner} takes no 'only': the views "
                f"are of all modalities. Got {augmentation.only!r}."
            )
            raise ValueError(msg)

    def _augmentation(self, epoch_duration: float) -> SignalAugmentation:
        """Make the views of the first stage."""
        params = {"epoch_duration": epoch_duration, **(self.augmentation or {})}
        try:
            return SignalAugmentation(**params)
        except TypeError as error:
            msg = (
                f"The 'augmentation' parameter of {type(self).__name__} must map "
                "parameters of SignalAugmentation to their values, or be None. Got "
                f"{self.augmentation!r} instead."
            )
            raise ValueError(msg) from error

    def _build_module(self) -> SleePyCo:
        """Build the net for the shape of the epochs."""
        return SleePyCo(
            self.layout_,
            len(self.classes_),
            n_filters=self.n_filters,
            d_model=self.d_model,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            dim_feedforward=self.dim_feedforward,
            dropout=self.dropout,
            momentum=self.norm_momentum,
        )

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Sum of the losses of the scales."""
        return SleePyCoLoss(class_weight)

    def _build_read_out(self) -> ReadOut:
        """Log-probabilities by the sum of the logits."""
        return read_scales

    def _train(
        self,
        source: EpochSource,
        split: Split,
        rng: np.random.Generator,
        *,
        fresh: bool,
    ) -> None:
        """Train on windows."""
        windows = WindowSource(source, self.sequence_length)
        super()._train(windows, split, rng, fresh=fresh)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """Train the backbone on views of single epochs, then all else on windows."""
        duration = fitted_duration(self.epoch_duration, source)
        augment = self._augmentation(duration).augment
        pretraining = self._stage(
            source,
            part=partial(_projector, augment=augment),
            loss=partial(SupervisedContrastiveLoss, self.temperature),
            scored=False,
            sequence_length=1,  # the epoch itself; alone it would come as a window
            batch_size=self.pretrain_batch_size,
            max_epochs=self.pretrain_epochs,
            validate_every=self.pretrain_validate_every,
        )
        finetuning = self._stage(
            source,
            part=_frozen,
            sequence_length=None,
            validate_every=self.validate_every,
        )
        return [pretraining, finetuning]

    def _staging_sequences(self, source: EpochSource) -> tuple[None, int]:
        """Read each epoch once, as the last one of its window."""
        return None, 1

    def _read(
        self, source: EpochSource, read_out: ReadOut, n_columns: int
    ) -> FloatArray:
        """Run the trained module on windows."""
        windows = WindowSource(source, self.sequence_length)
        return super()._read(windows, read_out, n_columns)


def _projector(module: nn.Module, augment: Any) -> nn.Module:
    """Return the backbone with a head of its own."""
    return cast("SleePyCo", module).projector(augment)


def _frozen(module: nn.Module) -> nn.Module:
    """Return the whole module, of which the backbone is no longer trained."""
    return cast("SleePyCo", module).freeze_backbone()
