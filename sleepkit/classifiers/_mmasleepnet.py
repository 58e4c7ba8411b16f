"""MMASleepNet: a CNN for each modality, fused by gates and attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from sleepkit._typing import RandomState
from sleepkit.classifiers._check_pairs import check_betas, check_filters
from sleepkit.classifiers._published_weights import PublishedWeightsClassifier
from sleepkit.nn import MMASleepNet
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.training._inference import ReadOut, read_logits
from sleepkit.utils import check_count, check_fraction


def read_probabilities(
    output: Tensor,
    present: dict[str, Tensor],  # noqa: ARG001 - a read-out gets both
) -> Tensor:
    """Log-probabilities of a net that returns probabilities."""
    return output.float().log()


class MMASleepNetClassifier(PublishedWeightsClassifier):
    """Stage single epochs of raw signals by CNNs fused by gates and attention.

    Each modality has a CNN with a branch of short and one of long kernels. A
    squeeze-and-excitation weighs their features, then attention does.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. All need
        one sampling rate and none may be missing: an epoch that lacks one is not
        trained on, and predicted by `class_prior_`. The one named ``"eeg"`` has twice
        the features of the others.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch of ``"eeg"``, and of its others;
        other modalities have half. The second one must be a multiple of 8.
    n_heads : int, default=4
        Heads of the attention.
    dim_feedforward : int, default=2048
        Inner width of the feed-forward part of the attention.
    d_head : int, default=32
        Width between the two layers of the head.
    dropout : float, default=0.5
        Dropout of the CNN.
    attention_dropout : float, default=0.1
        Dropout of the attention.
    released_double_softmax : bool, default=False
        Whether the loss takes a softmax of probabilities, as in the released code;
        probabilities are then those of the net itself.
    class_weight : {'published', 'balanced'}, mapping of class to float or None, \
default='published'
        Weight of each class in the loss: as published, 1.8 for N1, 1.25 for N3 and 1.2
        for REM, also by their codes, and 1 for other classes; see `SleepClassifier` for
        others. None weighs all rows alike.
    lr : float, default=1e-4
        Learning rate of Adam.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's averages.
    weight_decay : float, default=0.01
        Weight of the squared weights in Adam's gradient.
    batch_size : int, default=256
        Epochs in a batch.
    max_epochs : int, default=150
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=150
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
    sleepkit.nn.MMASleepNet : The module, with the reference.
    MaskSleepNetClassifier : A method for any subset of the modalities.

    Notes
    -----
    The published system reads EEG, EOG and EMG in microvolts at 100 Hz, not scaled.
    Kernels have a fixed number of samples. Adam is the variant with AMSGrad.

    **Implementation differences.** The released code takes a softmax in the net and
    another one in the loss, which `released_double_softmax` repeats. It selects the
    weights by the accuracy on the test set; here it is by the loss on held-out training
    subjects.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import MMASleepNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = MMASleepNetClassifier(
    ...     n_filters=(8, 16), dim_feedforward=32, max_epochs=6, batch_size=16,
    ...     lr=0.003, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    _stage_weights = (1.0, 1.8, 1.0, 1.25, 1.2)
    any_subset = False

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        n_filters: tuple[int, int] = (64, 128),
        n_heads: int = 4,
        dim_feedforward: int = 2048,
        d_head: int = 32,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
        released_double_softmax: bool = False,
        class_weight: str | Mapping[Any, float] | None = "published",
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01,
        batch_size: int = 256,
        max_epochs: int = 150,
        validation_fraction: float = 0.1,
        patience: int = 150,
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
        self.n_heads = n_heads
        self.dim_feedforward = dim_feedforward
        self.d_head = d_head
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.released_double_softmax = released_double_softmax
        self.class_weight = class_weight
        self.lr = lr
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
        for name in ("n_heads", "dim_feedforward", "d_head"):
            check_count(name, getattr(self, name), owner=owner)
        for name in ("dropout", "attention_dropout"):
            check_fraction(name, getattr(self, name), owner=owner)
        check_betas(self.betas, owner=owner)

    def _build_module(self) -> MMASleepNet:
        """Build the net of the parameters."""
        return MMASleepNet(
            self.layout_,
            len(self.classes_),
            n_filters=self.n_filters,
            n_heads=self.n_heads,
            dim_feedforward=self.dim_feedforward,
            d_head=self.d_head,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            released_double_softmax=self.released_double_softmax,
        )

    def _build_read_out(self) -> ReadOut:
        """Log-probabilities of logits, or of what a softmax made of them."""
        return read_probabilities if self.released_double_softmax else read_logits

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with AMSGrad."""
        params = {"betas": tuple(self.betas), "amsgrad": True}
        return [self._stage(source, optimizer_params=params)]
