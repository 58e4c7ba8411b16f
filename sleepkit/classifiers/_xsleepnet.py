"""XSleepNet: signals and their spectra, weighted by how each generalises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._spectrum_fit import SpectrumFit
from sleepkit.nn import XSleepNet, XSleepNetLoss, XSleepNetOutput
from sleepkit.training import EpochSource, GradientBlending, TrainingStage
from sleepkit.training._inference import ReadOut
from sleepkit.utils import check_count, check_fraction, check_option, check_positive

_COUNTS = (
    "sequence_length",
    "raw_hidden_size",
    "n_layers",
    "n_fft",
    "n_spectral_filters",
    "hidden_size",
    "attention_size",
)


class XSleepNetClassifier(SleepClassifier):
    """Stage sequences of raw signals by a CNN and by their spectra, both at once.

    A CNN and GRUs read the signals, and the net of SeqSleepNet their spectra, which are
    computed inside. Each of the two has a head, and a joint head, which stages, reads
    both. In training the three losses are weighted by how each head generalises and
    overfits, anew at every validation.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    epoch_duration : float, default=None
        Length of an epoch in seconds, which gives the sampling rate. None is that of
        the nights, and 30 s for plain arrays.
    variant : {2, 1}, default=2
        How the losses are weighted: as in XSleepNet2 or XSleepNet1, see
        `sleepkit.training.GradientBlending`.
    sequence_length : int, default=20
        Epochs in a sequence. Sequences lie inside one night, and end at gaps.
    stride : int, default=1
        Epochs from one sequence to the next in predictions; where sequences overlap,
        the log-probabilities are averaged. None is a quarter of `sequence_length`.
    n_filters : sequence of int, default=(16, 16, 32, 32, 64, 64, 128, 128, 256)
        Filters of each convolution of the signals. Each halves the sampling rate.
    raw_hidden_size : int, default=256
        Units of the GRUs in each direction.
    n_layers : int, default=2
        Layers of the GRUs.
    n_fft : int, default=256
        Length of the Fourier transform in samples, at least that of a frame of 2 s.
    n_spectral_filters : int, default=32
        Filters of each channel's spectra.
    hidden_size : int, default=64
        Units of the LSTMs in each direction.
    attention_size : int, default=64
        Hidden units of the attention over the frames of an epoch.
    conv_dropout : float, default=0.5
        Dropout after each convolution but the last.
    dropout : float, default=0.25
        Dropout of the inputs and the outputs of GRUs and LSTMs.
    norm_momentum : float, default=0.05
        Weight of a batch in the running statistics of batch normalisation.
    signal_scale : float, default=1.0
        What signals are multiplied by before the first convolution. The convolutions
        have no normalisation and start with small kernels: 1 is for microvolts, and
        scaled signals need more.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; see `SleepClassifier`.
    lr : float, default=1e-4
        Learning rate of Adam.
    weight_decay : float, default=1e-3
        L2 penalty of all parameters but those of the filterbanks, for a loss that is
        summed over the sequences of a batch.
    batch_size : int, default=32
        Sequences (of plain arrays: rows) in a batch.
    max_epochs : int, default=200
        Passes over the training rows at most. The paper makes ten over the sequences
        that begin at any epoch, in which each epoch is 20 times.
    validation_fraction : float, default=0.1
        Share of the subjects held out to weigh the losses and to select the best
        weights of the net; see `SleepClassifier`. Without any, all losses count alike.
    patience : int, default=100000
        Validations without a lower loss after which training stops. The paper does not
        stop early.
    validate_every : int, default=100
        Steps from one validation to the next, each of which weighs the losses; None
        validates after each pass.
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
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
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
    sleepkit.nn.XSleepNet : The module, with the references.
    SeqSleepNetClassifier : The branch of the spectra alone.
    sleepkit.training.GradientBlending : What weighs the heads.

    Notes
    -----
    The published system reads signals in microvolts at 100 Hz, band-pass filtered but
    not scaled, and their spectra, scaled by the training nights. Here the net computes
    and scales the spectra: the rows are signals alone, nothing can get out of step, and
    a night is stored once. The net has the scaling as a part of its weights, which
    `partial_fit` and `warm_start` keep.

    **Implementation differences.** The loss is the mean cross-entropy of the labelled
    epochs, where the released code sums it over sequences: the penalty is divided by
    `batch_size`, and Adam does not depend on the factor. In a pass each epoch is in one
    sequence, cut anew every time, and the ends of nights are padded, without an effect
    on other epochs. The best weights are those of the lowest validation loss of the
    joint head, not of its highest accuracy. The set that the training losses are
    computed on has as many epochs as the held-out subjects. The rows of plain arrays
    are sequences of one epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import XSleepNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 90, 10)[:, None, None]
    >>> stager = XSleepNetClassifier(
    ...     epoch_duration=4, n_filters=(4, 4, 8), raw_hidden_size=8, n_layers=1,
    ...     n_spectral_filters=8, hidden_size=8, attention_size=8, lr=0.03,
    ...     max_epochs=10, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    any_subset = False
    _fits_duration = True
    sequence_length: int

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        epoch_duration: float | None = None,
        variant: Literal[1, 2] = 2,
        sequence_length: int = 20,
        stride: int | None = 1,
        n_filters: Sequence[int] = (16, 16, 32, 32, 64, 64, 128, 128, 256),
        raw_hidden_size: int = 256,
        n_layers: int = 2,
        n_fft: int = 256,
        n_spectral_filters: int = 32,
        hidden_size: int = 64,
        attention_size: int = 64,
        conv_dropout: float = 0.5,
        dropout: float = 0.25,
        norm_momentum: float = 0.05,
        signal_scale: float = 1.0,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-4,
        weight_decay: float = 1e-3,
        batch_size: int = 32,
        max_epochs: int = 200,
        validation_fraction: float = 0.1,
        patience: int = 100_000,
        validate_every: int | None = 100,
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
        self.variant = variant
        self.sequence_length = sequence_length
        self.stride = stride
        self.n_filters = n_filters
        self.raw_hidden_size = raw_hidden_size
        self.n_layers = n_layers
        self.n_fft = n_fft
        self.n_spectral_filters = n_spectral_filters
        self.hidden_size = hidden_size
        self.attention_size = attention_size
        self.conv_dropout = conv_dropout
        self.dropout = dropout
        self.norm_momentum = norm_momentum
        self.signal_scale = signal_scale
        self.class_weight = class_weight
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.validate_every = validate_every
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
        for name in ("conv_dropout", "dropout"):
            check_fraction(name, getattr(self, name), owner=owner)
        for name in ("norm_momentum", "signal_scale"):
            check_positive(name, getattr(self, name), owner=owner)
        check_fraction("norm_momentum", self.norm_momentum, owner=owner, one=True)
        check_option("variant", self.variant, (1, 2), owner=owner)
        for name, check in (
            ("epoch_duration", check_positive),
            ("validate_every", check_count),
        ):
            if getattr(self, name) is not None:
                check(name, getattr(self, name), owner=owner)
        self._check_filters()

    def _check_filters(self) -> None:
        """Require a number of filters for each convolution, one at least."""
        owner, n_filters = type(self).__name__, self.n_filters
        if not isinstance(n_filters, (list, tuple)) or not n_filters:
            msg = (
                f"The 'n_filters' parameter of {owner} must be whole numbers, one for "
                f"each convolution. Got {n_filters!r} instead."
            )
            raise ValueError(msg)
        for i, n in enumerate(n_filters):
            check_count(f"n_filters[{i}]", n, owner=owner)

    def _build_module(self) -> XSleepNet:
        """Build the net for the sampling rate of the epochs."""
        n_times = next(iter(self.layout_.values()))[-1]
        return XSleepNet(
            self.layout_,
            len(self.classes_),
            sfreq=n_times / self.epoch_duration_,
            sequence_length=self.sequence_length,
            n_filters=self.n_filters,
            raw_hidden_size=self.raw_hidden_size,
            n_layers=self.n_layers,
            n_fft=self.n_fft,
            n_spectral_filters=self.n_spectral_filters,
            hidden_size=self.hidden_size,
            attention_size=self.attention_size,
            conv_dropout=self.conv_dropout,
            dropout=self.dropout,
            momentum=self.norm_momentum,
            signal_scale=self.signal_scale,
        )

    def _build_loss(self, class_weight: Tensor | None) -> XSleepNetLoss:
        """Weighted sum of the losses of the heads."""
        return XSleepNetLoss(class_weight)

    def _build_read_out(self) -> ReadOut:
        """Log-probabilities by the joint head."""
        return read_joint

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, without a penalty of the filterbanks."""
        stage = self._stage(
            source,
            optimizer_params={"weight_decay": self.weight_decay / self.batch_size},
            parameter_groups=[("encoder.filterbank.*", {"weight_decay": 0.0})],
            callbacks=lambda _: [SpectrumFit(), GradientBlending(self.variant)],
            validate_every=self.validate_every,
        )
        return [stage]


def read_joint(output: XSleepNetOutput, present: dict[str, Tensor]) -> Tensor:  # noqa: ARG001 - a read-out gets both
    """Log-probabilities by the joint head."""
    log_proba: Tensor = output.joint.float().log_softmax(-1)
    return log_proba
