"""TinySleepNet: a small CNN and an LSTM, trained along the night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from skorch.callbacks import GradientNormClipping
from torch import Tensor, nn

from sleepkit._typing import RandomState
from sleepkit.classifiers._check_pairs import check_filters
from sleepkit.classifiers._published_weights import PublishedWeightsClassifier
from sleepkit.nn import TinySleepNet, TinySleepNetLoss
from sleepkit.training import ArraySource, EpochSource, TrainingStage
from sleepkit.training._samplers import longest_run
from sleepkit.utils import check_count, check_fraction, check_positive

_CONVOLUTIONS = (0, 5, 8, 11)  # their places in the CNN: the weights with a penalty


class TinySleepNetClassifier(PublishedWeightsClassifier):
    """Stage raw signals by a small CNN and an LSTM, without regard to later epochs.

    The net is trained on sequences of successive epochs, nights side by side, and the
    state of the LSTM is carried from one sequence to the next. Predictions decode each
    night in one pass, and depend on the epoch and on those before it only.

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
    sequence_length : int, default=20
        Epochs in a sequence of the training.
    n_filters : tuple of int, default=(128, 128)
        Filters of the first convolution, and of the others.
    hidden_size : int, default=128
        Units of the LSTM.
    n_layers : int, default=1
        Layers of the LSTM.
    dropout : float, default=0.5
        Dropout throughout the net.
    norm_momentum : float, default=0.01
        Weight of a batch in the running statistics of batch normalisation. Trainings
        of fewer than some hundreds of steps need a larger one.
    class_weight : {'published', 'balanced'}, mapping of class to float or None, \
default='published'
        Weight of each class in the loss: as published, 1.5 for N1, also by its code,
        and 1 for other classes; see `SleepClassifier` for others. None weighs all
        epochs alike.
    lr : float, default=1e-4
        Learning rate of Adam.
    weight_decay : float, default=1e-3
        Weight of the squared weights of the four convolutions in Adam's gradient; other
        weights have none.
    gradient_clip : float, default=5.0
        Norm to which gradients are clipped.
    batch_size : int, default=15
        Nights side by side in a batch.
    max_epochs : int, default=200
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=50
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
    epoch_duration_ : float
        Length of an epoch in seconds.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.TinySleepNet : The module, with the references.
    DeepSleepNetClassifier : Its predecessor, which reads later epochs too.

    Notes
    -----
    The published system reads one EEG channel in microvolts at 100 Hz, neither filtered
    nor scaled, of nights trimmed to half an hour of wake around sleep.

    **Implementation differences.**

    - The weights of the lowest validation loss are kept, where the released code takes
      a higher accuracy with an F1 score that is not lower.
    - The released code changes each night in each pass: its signal is rolled by up to a
      tenth of an epoch, and none to four of its first epochs are dropped. Neither is
      done here; `sleepkit.training.SignalAugmentation` shifts epochs one by one.
    - The state is carried along stretches of nights without a gap, and the longest are
      side by side, where the released code shuffles nights. The rows of plain arrays
      are sequences of one epoch.
    - See also `sleepkit.nn.TinySleepNet`.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import TinySleepNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = TinySleepNetClassifier(
    ...     n_filters=(8, 8), hidden_size=8, dropout=0.1, norm_momentum=0.3,
    ...     batch_size=8, max_epochs=8, lr=0.01, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    _stage_weights = (1.0, 1.5, 1.0, 1.0, 1.0)
    any_subset = False
    _fits_duration = True

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        epoch_duration: float | None = None,
        sequence_length: int = 20,
        n_filters: tuple[int, int] = (128, 128),
        hidden_size: int = 128,
        n_layers: int = 1,
        dropout: float = 0.5,
        norm_momentum: float = 0.01,
        class_weight: str | Mapping[Any, float] | None = "published",
        lr: float = 1e-4,
        weight_decay: float = 1e-3,
        gradient_clip: float = 5.0,
        batch_size: int = 15,
        max_epochs: int = 200,
        validation_fraction: float = 0.1,
        patience: int = 50,
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
        self.n_filters = n_filters
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.norm_momentum = norm_momentum
        self.class_weight = class_weight
        self.lr = lr
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
        for name in ("sequence_length", "hidden_size", "n_layers"):
            check_count(name, getattr(self, name), owner=owner)
        for name in ("gradient_clip", "norm_momentum"):
            check_positive(name, getattr(self, name), owner=owner)
        check_fraction("norm_momentum", self.norm_momentum, owner=owner, one=True)
        check_fraction("dropout", self.dropout, owner=owner)
        check_filters(self.n_filters, owner=owner)
        if self.epoch_duration is not None:
            check_positive("epoch_duration", self.epoch_duration, owner=owner)

    def _build_module(self) -> TinySleepNet:
        """Build the net for the sampling rate of the epochs."""
        n_times = next(iter(self.layout_.values()))[-1]
        return TinySleepNet(
            self.layout_,
            len(self.classes_),
            sfreq=n_times / self.epoch_duration_,
            n_filters=self.n_filters,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
            momentum=self.norm_momentum,
        )

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Weighted cross-entropy, divided by the number of epochs."""
        return TinySleepNetLoss(class_weight)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage along the nights, with a penalty of the convolutions alone."""
        clipping = GradientNormClipping(self.gradient_clip)
        in_order = not isinstance(source, ArraySource)
        stage = self._stage(
            source,
            sampler="in_order" if in_order else "shuffled",
            carry_state=in_order,
            optimizer_params={"weight_decay": 0},
            parameter_groups=[
                (f"cnn.{i}.weight", {"weight_decay": self.weight_decay})
                for i in _CONVOLUTIONS
            ],
            callbacks=lambda _: [clipping],
        )
        return [stage]

    def _staging_sequences(self, source: EpochSource) -> tuple[int, int]:
        """Decode nights whole: sequences as long as the longest one without a gap."""
        return longest_run(source.night, source.has_signal), 1
