"""SleepPrintNet: CNNs of modalities and a map of the scalp, with neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from sleepkit._typing import FloatArray, RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._check_pairs import check_betas, check_filters
from sleepkit.classifiers._split import Split
from sleepkit.nn import SleepPrintNet
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.training._inference import ReadOut
from sleepkit.training._window_source import WindowSource
from sleepkit.utils import check_count, check_fraction, check_positive

# Names of the weights with an L2 penalty: kernels of convolutions, and the head.
_KERNELS = tuple(f"encoder.branches.*.{place}.weight" for place in (0, 5, 8, 11))
_MAP_KERNELS = (
    "encoder.spectral.0.weight",
    "encoder.spectral.3.wide.weight",
    "encoder.spectral.3.narrow.weight",
)
_DENSE = ("head.0.weight", "head.2.weight")


class SleepPrintNetClassifier(SleepClassifier):
    """Stage epochs with their neighbours by CNNs of modalities and a scalp map.

    Each modality has a CNN with a branch of short and one of long kernels, which reads
    an epoch and its neighbours. Band powers of the epoch at named electrodes are a map
    of the scalp, with a CNN of its own.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`. All need
        one sampling rate and none may be missing: an epoch that lacks one is not
        trained on, and predicted by `class_prior_`. The one named ``"eeg"`` has twice
        the features of the others.
    epoch_duration : float, default=None
        Length of an epoch in seconds, which gives the sampling rate: kernels last as
        long at any rate. None is that of the nights, and 30 s for plain arrays.
    context : int, default=1
        Neighbours on each side that are read with an epoch. The rows of plain arrays
        have none: they are repeated.
    electrodes : sequence of str, default=None
        Names of the channels of ``"eeg"`` in the 10-20 system, in their order, such as
        ``["F3", "C3", "O1"]``, for the map. None leaves out the map, which is part of
        the published net: no default can know where the electrodes are.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch of ``"eeg"``, and of its others,
        at least 2; other modalities have half.
    n_map_filters : int, default=16
        Filters of the first convolution of the map. The second has twice as many.
    d_head : int, default=128
        Width between the two layers of the head.
    dropout : float, default=0.5
        Dropout of the CNNs.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; None weighs all rows alike.
    lr : float, default=1e-3
        Learning rate of Adam.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's averages.
    weight_decay : float, default=2e-4
        Weight of the squared kernels of convolutions in Adam's gradient; biases and
        normalisations have none. Published is a penalty of 1e-4 times the sum of
        squares, without the half: twice that here.
    head_decay_ratio : float, default=1000.0
        Weight decay of the head as a multiple of `weight_decay`.
    batch_size : int, default=64
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
    sleepkit.nn.SleepPrintNet : The module, with the reference.
    MMASleepNetClassifier : A method of the same modalities, without neighbours.

    Notes
    -----
    The published system reads six channels of EEG, two of EOG and three of EMG in
    microvolts at 128 Hz, neither filtered nor scaled, and a map of 20 electrodes.

    **Implementation differences.** The first and last epoch of a stretch without a gap
    are repeated as their own neighbours, so that each row has a prediction; the
    released code drops them. Neighbours are the recorded ones, where the released code
    removes unscored epochs first. It stops by the loss on the test set; here it is on
    held-out training subjects. See the module for those of the net.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import SleepPrintNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = SleepPrintNetClassifier(
    ...     n_filters=(4, 8), d_head=16, max_epochs=4, batch_size=16,
    ...     head_decay_ratio=1, random_state=0)
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
        context: int = 1,
        electrodes: Sequence[str] | None = None,
        n_filters: tuple[int, int] = (64, 128),
        n_map_filters: int = 16,
        d_head: int = 128,
        dropout: float = 0.5,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 2e-4,
        head_decay_ratio: float = 1000.0,
        batch_size: int = 64,
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
        self.context = context
        self.electrodes = electrodes
        self.n_filters = n_filters
        self.n_map_filters = n_map_filters
        self.d_head = d_head
        self.dropout = dropout
        self.class_weight = class_weight
        self.lr = lr
        self.betas = betas
        self.weight_decay = weight_decay
        self.head_decay_ratio = head_decay_ratio
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
        check_filters(self.n_filters, owner=owner, minimum=2)  # others have half
        check_count("context", self.context, owner=owner, minimum=0)
        for name in ("n_map_filters", "d_head"):
            check_count(name, getattr(self, name), owner=owner)
        check_fraction("dropout", self.dropout, owner=owner)
        check_betas(self.betas, owner=owner)
        ratio = self.head_decay_ratio
        check_positive("head_decay_ratio", ratio, owner=owner, zero=True)
        if self.epoch_duration is not None:
            check_positive("epoch_duration", self.epoch_duration, owner=owner)

    def _build_module(self) -> SleepPrintNet:
        """Build the net for the sampling rate of the epochs."""
        n_times = next(iter(self.layout_.values()))[-1]
        return SleepPrintNet(
            self.layout_,
            len(self.classes_),
            sfreq=n_times / self.epoch_duration_,
            context=self.context,
            electrodes=self.electrodes,
            n_filters=self.n_filters,
            n_map_filters=self.n_map_filters,
            d_head=self.d_head,
            dropout=self.dropout,
        )

    def _train(
        self,
        source: EpochSource,
        split: Split,
        rng: np.random.Generator,
        *,
        fresh: bool,
    ) -> None:
        """Train on epochs with their neighbours."""
        super()._train(self._windows(source), split, rng, fresh=fresh)

    def _read(
        self, source: EpochSource, read_out: ReadOut, n_columns: int
    ) -> FloatArray:
        """Read epochs with their neighbours."""
        return super()._read(self._windows(source), read_out, n_columns)

    def _windows(self, source: EpochSource) -> WindowSource:
        """Each epoch in the middle of its neighbours."""
        return WindowSource(source, 2 * self.context + 1, self.context)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with an L2 penalty of kernels alone."""
        kernels = _KERNELS + (() if self.electrodes is None else _MAP_KERNELS)
        decay = self.weight_decay
        groups = dict.fromkeys(kernels, decay)
        groups |= dict.fromkeys(_DENSE, decay * self.head_decay_ratio)
        stage = self._stage(
            source,
            optimizer_params={"betas": tuple(self.betas), "weight_decay": 0},
            parameter_groups=[(n, {"weight_decay": w}) for n, w in groups.items()],
        )
        return [stage]
