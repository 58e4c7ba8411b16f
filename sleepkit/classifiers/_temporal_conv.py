"""Temporal convolutions: a light stager of sequences of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from skorch.callbacks import Callback, GradientNormClipping

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.nn import TemporalConvNet
from sleepkit.training import CosineSchedule, EpochSource, TrainingStage
from sleepkit.training._samplers import longest_run
from sleepkit.training._subset_dropout import SubsetDropout
from sleepkit.utils import check_count, check_fraction, check_option, check_positive

_SCHEDULES: Final = ("cosine", "constant")


class TemporalConvClassifier(SleepClassifier):
    r"""Stage nights of features by dilated convolutions over epochs.

    The features of all modalities of an epoch are read side by side, with one flag for
    each modality that is present; an epoch is staged by itself and 30 epochs on either
    side. Training leaves modalities out of sequences at random, so that a fitted
    classifier takes **any subset of its modalities**, night by night and epoch by
    epoch. Features should have a standard deviation of about 1.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Columns of each modality in plain arrays; see `SleepClassifier`.
    sequence_length : int, default=100
        Epochs in a sequence of the training, cut anew at each pass. Shorter nights are
        padded, without influence. Predictions stage nights whole.
    n_filters : int, default=64
        Filters of each convolution.
    dropout : float, default=0.1
        Dropout of what each block of the net adds.
    noise : float, default=0.1
        Standard deviation of the Gaussian noise that is added to features in training.
    modality_dropout : float, default=0.5
        Probability that a sequence loses some of the modalities in training: a random
        part of them, neither none nor all.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; None weighs all rows alike.
    lr : float, default=3e-3
        Learning rate of Adam at its peak.
    weight_decay : float, default=0.0
        Weight of the squared weights in Adam's gradient.
    gradient_clip : float, default=1.0
        Norm to which gradients are clipped.
    schedule : {'cosine', 'constant'}, default='cosine'
        Schedule of the learning rate: a warm-up and a cosine to zero over `max_epochs`,
        or `lr` throughout.
    warmup : float, default=0.05
        Share of all steps in which the learning rate of the schedule ``'cosine'`` rises
        from zero.
    batch_size : int, default=16
        Sequences (of plain arrays: rows; in predictions: nights) in a batch.
    max_epochs : int, default=50
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=10
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
        Seed of weights, dropout, noise, batches and the inner split.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes seen in `fit`.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares of the training rows: the prediction for an epoch without a valid
        signal.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.TemporalConvNet : The module.
    MedFuseSleepClassifier : Transformers for any subset of the modalities.
    sleepkit.preprocessing.SpectrumScaler : Scaling of features.

    Notes
    -----
    This is a plain temporal convolutional network [1]_ without its causality, where
    training must be short; the stagers of `sleepkit.pretrained` are such nets. It is no
    published system of sleep staging.

    With :math:`x` the features of an epoch behind a first layer, each of four blocks
    makes

    .. math::

        x \leftarrow x + W\,\mathrm{ReLU}\left(
            \frac{z - \operatorname{mean} z}{\operatorname{sd} z + 10^{-4}}\right),
        \quad z = C x,

    where :math:`C` is a convolution over epochs with kernel 5 and dilation 1, 2, 4 or
    8, and :math:`W` mixes the filters of an epoch. Gaps within a night count as its
    ends. Spectra are read bin by bin as features. The loss is the cross-entropy of all
    epochs of a sequence.

    References
    ----------
    .. [1] Bai et al., "An Empirical Evaluation of Generic Convolutional and Recurrent
       Networks for Sequence Modeling". arXiv:1803.01271, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import TemporalConvClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N2", "REM"], 40)
    >>> X = rng.normal(size=(80, 4)) + 4 * (y == "REM")[:, np.newaxis]
    >>> stager = TemporalConvClassifier(
    ...     {"eeg": [0, 1], "eog": [2, 3]}, max_epochs=8, random_state=0)
    >>> stager.fit(X, y).score(X, y)
    1.0
    >>> X[:, :2] = np.nan  # without EEG
    >>> stager.score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {
        1: "features",
        3: "spectra (n_channels, n_frames, n_bins)",
    }

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        sequence_length: int = 100,
        n_filters: int = 64,
        dropout: float = 0.1,
        noise: float = 0.1,
        modality_dropout: float = 0.5,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 3e-3,
        weight_decay: float = 0.0,
        gradient_clip: float = 1.0,
        schedule: Literal["cosine", "constant"] = "cosine",
        warmup: float = 0.05,
        batch_size: int = 16,
        max_epochs: int = 50,
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
    ) -> None:
        self.modalities = modalities
        self.sequence_length = sequence_length
        self.n_filters = n_filters
        self.dropout = dropout
        self.noise = noise
        self.modality_dropout = modality_dropout
        self.class_weight = class_weight
        self.lr = lr
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
        self.schedule = schedule
        self.warmup = warmup
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
        for name in ("sequence_length", "n_filters"):
            check_count(name, getattr(self, name), owner=owner)
        for name in ("dropout", "modality_dropout"):
            check_fraction(name, getattr(self, name), owner=owner)
        for name in ("noise", "warmup"):
            check_positive(name, getattr(self, name), owner=owner, zero=True)
        check_positive("gradient_clip", self.gradient_clip, owner=owner)
        check_option("schedule", self.schedule, _SCHEDULES, owner=owner)

    def _build_module(self) -> TemporalConvNet:
        """Build the net of the parameters."""
        return TemporalConvNet(
            self.layout_,
            len(self.classes_),
            n_filters=self.n_filters,
            dropout=self.dropout,
            noise=self.noise,
        )

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with the learning rate scheduled and the gradients clipped."""
        return [self._stage(source, callbacks=self._callbacks)]

    def _callbacks(self, n_steps: int) -> list[Callback]:
        """Callbacks of the gradients, of the learning rate and of modality dropout."""
        callbacks: list[Callback] = [GradientNormClipping(self.gradient_clip)]
        if self.schedule == "cosine":
            callbacks.append(CosineSchedule(n_steps, self.warmup))
        if self.modality_dropout:
            callbacks.append(SubsetDropout(self.modality_dropout))
        return callbacks

    def _staging_sequences(self, source: EpochSource) -> tuple[int, int]:
        """Stage nights whole: sequences as long as the longest one without a gap."""
        return longest_run(source.night, source.has_signal), 1
