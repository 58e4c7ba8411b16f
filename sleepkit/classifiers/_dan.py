"""DAN: features that are distributed alike in all subjects, or in a target domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, Self
from warnings import warn

import numpy as np
from torch import Tensor, nn

from sleepkit._messages import of_nights
from sleepkit._typing import IntArray, RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._check_pairs import check_betas
from sleepkit.classifiers._inputs import check_rows, open_source
from sleepkit.classifiers._split import Split
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.nn import DAN, DANLoss, DANOutput
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.training._domain_alignment import DomainAlignment
from sleepkit.training._inference import ReadOut
from sleepkit.utils import check_count, check_fraction, check_positive


def read_dan(
    output: DANOutput,
    present: dict[str, Tensor],  # noqa: ARG001 - a read-out gets both
) -> Tensor:
    """Log-probabilities of the head."""
    return output.logits.float().log_softmax(-1)


class DANClassifier(SleepClassifier):
    """Stage raw signals by features that are distributed alike in all subjects.

    A CNN and a bidirectional GRU read some successive epochs. Beside the cross-entropy,
    the maximum mean discrepancy of the features between training subjects is minimised,
    for subjects that were not trained on; or that between the training rows and
    unlabelled rows of a target domain, ``fit(X, y, X_target=...)``.

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
    sequence_length : int, default=5
        Epochs in a sequence.
    stride : int, default=None
        Epochs from one sequence of a prediction to the next; None is a quarter of
        `sequence_length`, at least one.
    d_model : int, default=256
        Size of an encoded epoch.
    hidden_size : int, default=128
        Units of each direction of the GRU.
    dropout : float, default=0.5
        Dropout of the CNN.
    mmd_weight : float, default=1.0
        Weight of the discrepancy at the end of the training; it rises from zero as
        `sleepkit.training.ReversalSchedule` does.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; see `SleepClassifier`.
    lr : float, default=1e-3
        Learning rate of Adam.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's averages.
    weight_decay : float, default=0.0
        Weight of the squared weights in Adam's gradient.
    batch_size : int, default=64
        Sequences in a batch; of the target domain as many again.
    max_epochs : int, default=100
        Passes over the training rows at most.
    validation_fraction : float, default=0.2
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`. Validations have the cross-entropy alone.
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
    transductive_ : bool
        Whether the weights come from rows of a target domain, too: of the last
        training, or of one that it continued.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.DAN : The module, with the reference.
    SleepMGClassifier : Adversarial training for unseen subjects.

    Notes
    -----
    **Implementation differences.** This is a reconstruction, since no code was
    released. The published system needs the signals of its target subjects, without
    labels; between training subjects, the default, the discrepancy needs none. With one
    training subject there is none. Batches are shuffled, not balanced by domain, and a
    domain of which a batch has a single sequence has no part in its discrepancy: raise
    `batch_size` with the number of subjects. All training settings are choices of this
    package.

    With a target domain the result is transductive: a figure on those rows is not one
    on unseen subjects, and `fit` warns of that.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import DANClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = DANClassifier(
    ...     d_model=16, hidden_size=8, batch_size=16, max_epochs=4, random_state=0)
    >>> stager.fit(X, y, groups=np.repeat([1, 2, 3, 4], 20)).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {2: "signals (n_channels, n_times)"}
    any_subset = False
    _fits_duration = True

    transductive_: bool

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        epoch_duration: float | None = None,
        sequence_length: int = 5,
        stride: int | None = None,
        d_model: int = 256,
        hidden_size: int = 128,
        dropout: float = 0.5,
        mmd_weight: float = 1.0,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        batch_size: int = 64,
        max_epochs: int = 100,
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
        self.stride = stride
        self.d_model = d_model
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.mmd_weight = mmd_weight
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

    def fit(self, X: Any, y: Any, groups: Any = None, *, X_target: Any = None) -> Self:
        """Train on labelled epochs, and perhaps on unlabelled ones of a target domain.

        Parameters
        ----------
        X : EpochArray or array-like
            Nights, or epochs that stand alone; see `SleepClassifier`.
        y : array-like of shape (n_rows,)
            Class of each row.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row; an `EpochArray` has its own.
        X_target : EpochArray, Recording, list of Recording or array-like, default=None
            Rows of the target domain, as X is: behind the other steps of a Pipeline.
            Of recordings the signals are read, and never the stages. None aligns the
            training subjects with each other.

        Returns
        -------
        DANClassifier
            The classifier itself.

        Raises
        ------
        ValueError
            If a parameter or the input cannot be used.
        SleepkitError
            If the training diverges.

        Warns
        -----
        SleepkitWarning
            With a target domain: the result is transductive.
        """
        if X_target is not None:
            warn(
                "DANClassifier reads the signals of X_target in training, too: its "
                "result on these rows is transductive, and not one on unseen subjects.",
                SleepkitWarning,
                stacklevel=2,
            )
        self._X_target = X_target
        try:
            super().fit(X, y, groups)
        finally:
            del self._X_target
        return self

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        owner = type(self).__name__
        for name in ("sequence_length", "d_model", "hidden_size"):
            check_count(name, getattr(self, name), owner=owner)
        check_positive("mmd_weight", self.mmd_weight, owner=owner, zero=True)
        check_fraction("dropout", self.dropout, owner=owner)
        check_betas(self.betas, owner=owner)
        if self.epoch_duration is not None:
            check_positive("epoch_duration", self.epoch_duration, owner=owner)

    def _build_module(self) -> DAN:
        """Build the net for the sampling rate of the epochs."""
        n_times = next(iter(self.layout_.values()))[-1]
        return DAN(
            self.layout_,
            len(self.classes_),
            sfreq=n_times / self.epoch_duration_,
            d_model=self.d_model,
            hidden_size=self.hidden_size,
            dropout=self.dropout,
        )

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Cross-entropy and discrepancy."""
        return DANLoss(class_weight)

    def _build_read_out(self) -> ReadOut:
        """Log-probabilities of the head."""
        return read_dan

    def _extra_targets(
        self, split: Split, rng: np.random.Generator, *, fresh: bool
    ) -> dict[str, IntArray]:
        """Subject of each training row, one for all where they are not known."""
        domains = np.full(len(split.y), -1)
        known = split.subject is not None
        domains[split.train] = split.subject[split.train] if known else 0  # type: ignore[index]
        return {"domains": domains}

    def _train(
        self,
        source: EpochSource,
        split: Split,
        rng: np.random.Generator,
        *,
        fresh: bool,
    ) -> None:
        """Train with the epochs of a target domain open beside."""
        X_target = getattr(self, "_X_target", None)  # partial_fit has none
        opened: Any = nullcontext()
        if X_target is not None:
            opened = open_source(self, check_rows(self, X_target))
        with opened as self._target:
            try:
                if self._target is not None:
                    self._check_target(self._target)
                super()._train(source, split, rng, fresh=fresh)
            finally:
                del self._target
        continued = not fresh and self.transductive_
        self.transductive_ = X_target is not None or continued

    def _check_target(self, target: EpochSource) -> None:
        """Refuse a target domain that differs, or has no epoch to align with."""
        self._check_source(target)
        if not target.has_signal[target.row_to_epoch].any():
            msg = (
                f"'X_target' of {type(self).__name__} has no epoch with a valid signal "
                f"in every modality ({', '.join(self.layout_)}){of_nights(target.ids)}"
            )
            raise RecordingError(msg)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with the alignment of domains."""
        alignment = DomainAlignment(
            self.mmd_weight,
            self._target,
            batch_size=self.batch_size,
            length=self._length(source) or 1,
        )
        stage = self._stage(
            source,
            optimizer_params={"betas": tuple(self.betas)},
            callbacks=lambda _: [alignment],
        )
        return [stage]
