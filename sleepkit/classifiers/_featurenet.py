"""FeatureNet: one CNN for all channels, and a linear head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from skorch.callbacks import Callback

from sleepkit._typing import RandomState
from sleepkit.classifiers._check_pairs import check_betas
from sleepkit.classifiers._published_weights import PublishedWeightsClassifier
from sleepkit.nn import FeatureNetWithHead
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.training._gradient_value_clipping import GradientValueClipping
from sleepkit.utils import check_count, check_fraction, check_positive


class FeatureNetClassifier(PublishedWeightsClassifier):
    """Stage single epochs of raw signals by one CNN that reads every channel.

    The CNN has a branch of short and one of long kernels. The features of all channels
    stand side by side in front of the head.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    epoch_duration : float, default=None
        Length of an epoch in seconds. With it, kernels last as long at any sampling
        rate as at 100 Hz; None counts them in samples, as published.
    per_channel : bool, default=True
        Whether the channels are read one by one, with shared weights. Otherwise all are
        the input of the first convolutions.
    d_head : int, default=64
        Width between the two layers of the head.
    dropout : float, default=0.5
        Dropout of the CNN, and in front of the head.
    class_weight : {'published', 'balanced'}, mapping of class to float or None, \
default='published'
        Weight of each class in the loss: as published, 1.2 for N1 and 1.25 for REM,
        also by their codes, and 1 for other classes; see
        `SleepClassifier` for others. None weighs all rows alike.
    lr : float, default=1e-4
        Learning rate of Adam.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's averages.
    weight_decay : float, default=0.0
        Weight of the squared weights in Adam's gradient.
    gradient_clip : float, default=1.0
        Range around zero to which each value of the gradients is clipped.
    batch_size : int, default=256
        Epochs in a batch.
    max_epochs : int, default=100
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=20
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
    sleepkit.nn.FeatureNetWithHead : The module, with the reference.
    SleepMGClassifier : Such a CNN for each modality.

    Notes
    -----
    The published system reads ten channels in microvolts at 100 Hz, not scaled.

    **Implementation differences.** The weights of the lowest validation loss are kept,
    where the released code takes those of the highest accuracy of one validation
    subject.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import FeatureNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = FeatureNetClassifier(
    ...     max_epochs=4, batch_size=16, lr=0.001, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    _stage_weights = (1.0, 1.2, 1.0, 1.0, 1.25)
    any_subset = False

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        epoch_duration: float | None = None,
        per_channel: bool = True,
        d_head: int = 64,
        dropout: float = 0.5,
        class_weight: str | Mapping[Any, float] | None = "published",
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        gradient_clip: float = 1.0,
        batch_size: int = 256,
        max_epochs: int = 100,
        validation_fraction: float = 0.1,
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
        self.per_channel = per_channel
        self.d_head = d_head
        self.dropout = dropout
        self.class_weight = class_weight
        self.lr = lr
        self.betas = betas
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
        check_count("d_head", self.d_head, owner=owner)
        check_fraction("dropout", self.dropout, owner=owner)
        check_betas(self.betas, owner=owner)
        check_positive("gradient_clip", self.gradient_clip, owner=owner)
        if self.epoch_duration is not None:
            check_positive("epoch_duration", self.epoch_duration, owner=owner)

    def _build_module(self) -> FeatureNetWithHead:
        """Build the net of the parameters."""
        n_times = next(iter(self.layout_.values()))[-1]
        return FeatureNetWithHead(
            self.layout_,
            len(self.classes_),
            sfreq=n_times / self.epoch_duration if self.epoch_duration else 100.0,
            per_channel=self.per_channel,
            d_head=self.d_head,
            dropout=self.dropout,
        )

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with the gradients clipped."""
        clipping: list[Callback] = [GradientValueClipping(self.gradient_clip)]
        stage = self._stage(
            source,
            optimizer_params={"betas": tuple(self.betas)},
            callbacks=lambda _: clipping,
        )
        return [stage]
