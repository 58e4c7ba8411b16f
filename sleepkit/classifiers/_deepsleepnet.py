"""DeepSleepNet: a CNN trained on balanced epochs, then LSTMs along the night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

from skorch.callbacks import GradientNormClipping
from torch import nn

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._check_pairs import check_filters
from sleepkit.nn import DeepSleepNet, StageLoss
from sleepkit.training import ArraySource, EpochSource, TrainingStage
from sleepkit.training._samplers import longest_run
from sleepkit.utils import check_count, check_fraction, check_option, check_positive

_COUNTS = (
    "sequence_length",
    "hidden_size",
    "n_layers",
    "pretrain_epochs",
    "pretrain_batch_size",
)
_PENALIZED = "encoder.cnn.small.0.weight"  # the only weights with an L2 penalty


class DeepSleepNetClassifier(SleepClassifier):
    """Stage whole nights of raw signals by a CNN and LSTMs in both directions.

    The CNN, with one branch of short and one of long kernels, is trained first, on
    single epochs with all classes equally frequent. Then the whole net is trained on
    sequences of successive epochs, the CNN with a lower learning rate. Predictions
    decode each night in one pass.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    epoch_duration : float, default=None
        Length of an epoch in seconds, which gives the sampling rate: kernels last as
        long at any rate as they do at 100 Hz. None is that of the nights, and 30 s for
        plain arrays.
    sequence_length : int, default=25
        Epochs in a sequence of the second training stage.
    sampler : {'in_order', 'shuffled'}, default='in_order'
        Order of the sequences in the second stage: stretches of nights without a gap
        side by side in order, the longest first, and the state of the forward LSTMs
        carried from one sequence to the next, as released; or shuffled, each sequence
        for itself.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch, and of the others.
    hidden_size : int, default=512
        Units of each layer of the LSTMs.
    n_layers : int, default=2
        Layers of the LSTMs.
    dropout : float, default=0.5
        Dropout throughout the net.
    norm_momentum : float, default=0.001
        Weight of a batch in the running statistics of batch normalisation. Trainings
        of fewer than some thousands of steps need a larger one.
    pretrain_epochs : int, default=100
        Passes of the first stage over the balanced epochs.
    pretrain_batch_size : int, default=100
        Epochs in a batch of the first stage.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss of the second stage; see `SleepClassifier`. The
        first one has balanced classes anyway.
    lr : float, default=1e-4
        Learning rate of Adam, in the first stage and outside of the CNN.
    encoder_lr : float, default=1e-6
        Learning rate of the CNN in the second stage.
    weight_decay : float, default=1e-3
        L2 penalty of the first convolution with short kernels, the only one.
    gradient_clip : float, default=10.0
        Norm to which the gradients of the second stage are clipped, for a loss that is
        summed over a sequence.
    batch_size : int, default=10
        Sequences in a batch of the second stage.
    max_epochs : int, default=200
        Passes of the second stage at most.
    validation_fraction : float, default=0.0
        Share of the subjects held out to select the best weights of each stage. The
        paper selects none: the weights of the last pass are kept.
    patience : int, default=20
        Passes without a lower validation loss after which a stage stops.
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
        Seed of weights, dropout, batches and the inner split.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes seen in `fit`.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares of the training rows.
    epoch_duration_ : float
        Length of an epoch in seconds.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the second stage.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.DeepSleepNet : The module, with the references.
    SleepMGClassifier : A method for single epochs of raw signals.

    Notes
    -----
    The published system reads one EEG channel in microvolts at 100 Hz, neither filtered
    nor scaled, of nights trimmed to half an hour of wake around sleep.

    **Implementation differences.** The second stage averages the cross-entropy over
    labelled epochs, where the released code sums it over a sequence: penalty and
    clipping are divided by `sequence_length`, and Adam does not depend on the factor.
    Nights, or their stretches without a gap, are side by side in a batch, where the
    released code cuts each night into ten parts, and their ends are padded instead of
    dropped. The state of the backward LSTMs is not carried: the released code carries
    it, but to the wrong end. Predictions take a night in one pass instead of 25 epochs
    at a time. The rows of plain arrays are sequences of one epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import DeepSleepNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = DeepSleepNetClassifier(
    ...     n_filters=(4, 8), hidden_size=8, norm_momentum=0.1, pretrain_epochs=4,
    ...     max_epochs=4, lr=0.01, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    any_subset = False
    _fits_duration = True

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        epoch_duration: float | None = None,
        sequence_length: int = 25,
        sampler: Literal["in_order", "shuffled"] = "in_order",
        n_filters: tuple[int, int] = (64, 128),
        hidden_size: int = 512,
        n_layers: int = 2,
        dropout: float = 0.5,
        norm_momentum: float = 0.001,
        pretrain_epochs: int = 100,
        pretrain_batch_size: int = 100,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-4,
        encoder_lr: float = 1e-6,
        weight_decay: float = 1e-3,
        gradient_clip: float = 10.0,
        batch_size: int = 10,
        max_epochs: int = 200,
        validation_fraction: float = 0.0,
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
        self.sampler = sampler
        self.n_filters = n_filters
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.norm_momentum = norm_momentum
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_batch_size = pretrain_batch_size
        self.class_weight = class_weight
        self.lr = lr
        self.encoder_lr = encoder_lr
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
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
        for name in ("encoder_lr", "gradient_clip", "norm_momentum"):
            check_positive(name, getattr(self, name), owner=owner)
        check_fraction("dropout", self.dropout, owner=owner)
        if self.norm_momentum > 1:
            msg = (
                f"The 'norm_momentum' parameter of {owner} must be > 0 and <= 1. "
                f"Got {self.norm_momentum!r} instead."
            )
            raise ValueError(msg)
        check_filters(self.n_filters, owner=owner)
        if self.epoch_duration is not None:
            check_positive("epoch_duration", self.epoch_duration, owner=owner)
        samplers = ("in_order", "shuffled")
        check_option("sampler", self.sampler, samplers, owner=owner)

    def _build_module(self) -> DeepSleepNet:
        """Build the net for the sampling rate of the epochs."""
        n_times = next(iter(self.layout_.values()))[-1]
        return DeepSleepNet(
            self.layout_,
            len(self.classes_),
            sfreq=n_times / self.epoch_duration_,
            n_filters=self.n_filters,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
            momentum=self.norm_momentum,
        )

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """Train the CNN on balanced epochs, then the whole net on sequences."""
        pretraining = self._stage(
            source,
            part=_epoch_classifier,
            loss=StageLoss,  # weights would balance the classes twice
            sequence_length=None,
            sampler="balanced",
            batch_size=self.pretrain_batch_size,
            max_epochs=self.pretrain_epochs,
            optimizer_params={"weight_decay": 0},
            parameter_groups=[(_PENALIZED, {"weight_decay": self.weight_decay})],
        )
        length = self._length(source) or 1
        clipping = GradientNormClipping(self.gradient_clip / length)
        encoder = {"lr": self.encoder_lr}
        in_order = self.sampler == "in_order" and not isinstance(source, ArraySource)
        finetuning = self._stage(
            source,
            sampler="in_order" if in_order else "shuffled",
            carry_state=in_order,
            optimizer_params={"weight_decay": 0},
            parameter_groups=[
                (_PENALIZED, encoder | {"weight_decay": self.weight_decay / length}),
                ("encoder.*", encoder),
            ],
            callbacks=lambda _: [clipping],
        )
        return [pretraining, finetuning]

    def _staging_sequences(self, source: EpochSource) -> tuple[int, int]:
        """Decode nights whole: sequences as long as the longest one without a gap."""
        return longest_run(source.night, source.has_signal), 1


def _epoch_classifier(module: nn.Module) -> nn.Module:
    """Return the CNN with a head of its own."""
    return cast("DeepSleepNet", module).epoch_classifier()
