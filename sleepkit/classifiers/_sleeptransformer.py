"""SleepTransformer: a transformer over frames, and one over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.nn import SleepTransformer
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.utils import check_count, check_fraction

_COUNTS = (
    "sequence_length",
    "n_heads",
    "n_layers",
    "dim_feedforward",
    "attention_size",
    "d_head",
)


class SleepTransformerClassifier(SleepClassifier):
    """Stage sequences of spectra by a transformer over frames and one over epochs.

    The first transformer attends to the frames of each epoch, the second one to the
    epochs of a sequence, all of which are staged at once. The input is spectra (see
    `STFTEpocher`), or features, which count as one frame.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    sequence_length : int, default=21
        Epochs in a sequence. Sequences lie inside one night, and end at gaps.
    stride : int, default=1
        Epochs from one sequence to the next in predictions; where sequences overlap,
        the log-probabilities are averaged. None is a quarter of `sequence_length`.
    d_model : int, default=None
        Size of a token. None is the number of values of a frame, bins times channels,
        as in the paper; for any other size, a linear layer maps them.
    n_heads : int, default=8
        Attention heads, a divisor of the size of a token.
    n_layers : int, default=4
        Layers of each of the two transformers.
    dim_feedforward : int, default=1024
        Hidden units of the layers.
    attention_size : int, default=64
        Hidden units of the attention that pools the frames of an epoch.
    d_head : int, default=1024
        Units of each of the two hidden layers of the head.
    dropout : float, default=0.1
        Dropout of the attention probabilities, of the layers' outputs and in the head.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; see `SleepClassifier`.
    lr : float, default=1e-4
        Learning rate of Adam.
    weight_decay : float, default=1e-4
        L2 penalty of all parameters, for a loss that is summed over the sequences of a
        batch.
    batch_size : int, default=32
        Sequences (of plain arrays: rows) in a batch.
    max_epochs : int, default=210
        Passes over the training rows at most. The paper makes ten over the sequences
        that begin at any epoch, in which each epoch is 21 times.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=200
        Validations without a lower loss after which training stops.
    validate_every : int, default=100
        Steps from one validation to the next; None validates after each pass.
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
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.SleepTransformer : The module, with the references.
    SeqSleepNetClassifier : LSTMs in place of the transformers.
    MedFuseSleepClassifier : Transformers of modalities, any of which may be missing.

    Notes
    -----
    The published system reads spectra that are scaled by the training nights,
    ``SpectrumScaler()``, of one EEG channel, or with a difference of two EOG channels
    and an EMG as further channels.

    **Implementation differences.** The loss is the mean cross-entropy of the labelled
    epochs, where the released code sums it over sequences: the penalty is divided by
    `batch_size`, and Adam does not depend on the factor. In a pass each epoch is in one
    sequence, cut anew every time, and the ends of nights are padded, without an effect
    on other epochs. The best weights are those of the lowest validation loss, not of
    the highest accuracy, and training may stop before the 1,000th validation. The rows
    of plain arrays are sequences of one epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import SleepTransformerClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N2", "REM"], 40)
    >>> X = rng.normal(size=(80, 4)) + 4 * (y == "REM")[:, np.newaxis]
    >>> stager = SleepTransformerClassifier(
    ...     d_model=8, n_heads=2, n_layers=1, dim_feedforward=16, attention_size=8,
    ...     d_head=16, lr=0.01, max_epochs=10, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {
        3: "spectra (n_channels, n_frames, n_bins), see STFTEpocher,",
        1: "features",
    }
    any_subset = False

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        sequence_length: int = 21,
        stride: int | None = 1,
        d_model: int | None = None,
        n_heads: int = 8,
        n_layers: int = 4,
        dim_feedforward: int = 1024,
        attention_size: int = 64,
        d_head: int = 1024,
        dropout: float = 0.1,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-4,
        weight_decay: float = 1e-4,
        batch_size: int = 32,
        max_epochs: int = 210,
        validation_fraction: float = 0.1,
        patience: int = 200,
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
        self.sequence_length = sequence_length
        self.stride = stride
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.dim_feedforward = dim_feedforward
        self.attention_size = attention_size
        self.d_head = d_head
        self.dropout = dropout
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
        check_fraction("dropout", self.dropout, owner=owner)
        for name in ("d_model", "validate_every"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), owner=owner)

    def _build_module(self) -> SleepTransformer:
        """Build the net for the shape of the epochs."""
        return SleepTransformer(
            self.layout_,
            len(self.classes_),
            d_model=self.d_model,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            dim_feedforward=self.dim_feedforward,
            attention_size=self.attention_size,
            d_head=self.d_head,
            dropout=self.dropout,
        )

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with the penalty divided for a mean loss."""
        stage = self._stage(
            source,
            optimizer_params={"weight_decay": self.weight_decay / self.batch_size},
            validate_every=self.validate_every,
        )
        return [stage]
