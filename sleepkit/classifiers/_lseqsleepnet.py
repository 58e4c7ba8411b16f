"""L-SeqSleepNet: SeqSleepNet on long sequences, folded into sub-sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sleepkit._typing import RandomState
from sleepkit.classifiers._filterbank_sequence import FilterbankSequenceClassifier
from sleepkit.nn import LSeqSleepNet


class LSeqSleepNetClassifier(FilterbankSequenceClassifier):
    """Stage long sequences of spectra by LSTMs within and across sub-sequences.

    Epochs are encoded as in `SeqSleepNetClassifier`. Of a sequence, as long as a cycle
    of sleep, one LSTM reads each sub-sequence, another one across these, and all epochs
    are staged at once. The input is spectra (see `STFTEpocher`), or features, which
    count as one frame.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. The channels
        of all modalities are read together and none may be missing: an epoch that lacks
        one is not trained on, and predicted by `class_prior_`.
    sequence_length : int, default=200
        Epochs in a sequence. Sequences lie inside one night, and end at gaps; shorter
        nights are padded, without an effect on their epochs.
    subsequence_length : int, default=10
        Epochs in a sub-sequence.
    stride : int, default=1
        Epochs from one sequence to the next in predictions; where sequences overlap,
        the log-probabilities are averaged. None is a quarter of `sequence_length`.
    n_filters : int, default=32
        Filters of each channel's spectra.
    hidden_size : int, default=64
        Units of all LSTMs in each direction.
    attention_size : int, default=64
        Hidden units of the attention over the frames of an epoch.
    d_head : int, default=512
        Units of each of the two hidden layers of the head.
    dropout : float, default=0.25
        Dropout around the LSTMs and in the head.
    norm_momentum : float, default=0.05
        Weight of a batch in the running statistics of batch normalisation.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; see `SleepClassifier`.
    lr : float, default=1e-4
        Learning rate of Adam.
    weight_decay : float, default=1e-4
        L2 penalty of all weights but those of the filterbanks, for a loss that is
        summed over the sequences of a batch.
    batch_size : int, default=8
        Sequences (of plain arrays: rows) in a batch.
    max_epochs : int, default=450
        Passes over the training rows at most: a choice, since the released scripts
        count validations, on Sleep-EDF-20 110 of them.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=50
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
    sleepkit.nn.LSeqSleepNet : The module, with the reference.
    SeqSleepNetClassifier : The net on short sequences.

    Notes
    -----
    The published system reads spectra that are scaled by the training nights,
    ``SpectrumScaler()``.

    **Implementation differences.** The loss is the mean cross-entropy of the labelled
    epochs, where the released code sums it over sequences: the penalty is divided by
    `batch_size`, and Adam does not depend on the factor. In a pass each epoch is in one
    sequence, cut anew every time, and the ends of nights are padded. The best weights
    are those of the lowest validation loss, not of the highest accuracy. The rows of
    plain arrays are sequences of one epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import LSeqSleepNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N2", "REM"], 40)
    >>> X = rng.normal(size=(80, 4)) + 4 * (y == "REM")[:, np.newaxis]
    >>> stager = LSeqSleepNetClassifier(
    ...     n_filters=8, hidden_size=8, attention_size=8, d_head=8, lr=0.03,
    ...     max_epochs=8, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _counts = (
        "sequence_length",
        "subsequence_length",
        "n_filters",
        "hidden_size",
        "attention_size",
        "d_head",
    )

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        sequence_length: int = 200,
        subsequence_length: int = 10,
        stride: int | None = 1,
        n_filters: int = 32,
        hidden_size: int = 64,
        attention_size: int = 64,
        d_head: int = 512,
        dropout: float = 0.25,
        norm_momentum: float = 0.05,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-4,
        weight_decay: float = 1e-4,
        batch_size: int = 8,
        max_epochs: int = 450,
        validation_fraction: float = 0.1,
        patience: int = 50,
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
        self.subsequence_length = subsequence_length
        self.stride = stride
        self.n_filters = n_filters
        self.hidden_size = hidden_size
        self.attention_size = attention_size
        self.d_head = d_head
        self.dropout = dropout
        self.norm_momentum = norm_momentum
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

    def _build_module(self) -> LSeqSleepNet:
        """Build the net for the shape of the epochs."""
        return LSeqSleepNet(
            self.layout_,
            len(self.classes_),
            sequence_length=self.sequence_length,
            subsequence_length=self.subsequence_length,
            n_filters=self.n_filters,
            hidden_size=self.hidden_size,
            attention_size=self.attention_size,
            d_head=self.d_head,
            dropout=self.dropout,
            momentum=self.norm_momentum,
        )
