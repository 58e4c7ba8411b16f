"""The base of all stagers: a scikit-learn classifier around a torch module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self
from warnings import warn

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sleepkit._messages import of_nights
from sleepkit._typing import Array, BoolArray, FloatArray, IntArray, RandomState
from sleepkit.classifiers._class_weights import class_weights
from sleepkit.classifiers._distillation import Teacher, following, teacher_targets
from sleepkit.classifiers._epoch_duration import check_duration, fitted_duration
from sleepkit.classifiers._inputs import (
    check_layout,
    check_rows,
    check_rows_and_targets,
    check_shared_params,
    encode_classes,
    ids_of,
    open_source,
    subjects_of,
)
from sleepkit.classifiers._replay import add_replay
from sleepkit.classifiers._split import Split, make_split
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.nn import StageLoss
from sleepkit.recording import EpochArray
from sleepkit.training import ArraySource, EpochSource, StagingNet, TrainingStage
from sleepkit.training._fit import TrainingData, TrainingOptions, train_stage
from sleepkit.training._inference import ReadOut, infer, read_logits
from sleepkit.training._runtime import find_device, seeded
from sleepkit.utils import DocumentationLinkMixin, check_random_state

_SEED_BOUND = 2**63


class SleepClassifier(DocumentationLinkMixin, ClassifierMixin, BaseEstimator, ABC):
    """Base of the stagers: a classifier of epochs that trains a torch module.

    A method is a subclass that spells out its parameters in ``__init__`` and fills some
    of the hooks below. Everything else is done here: validation of the input, the inner
    split by subject, early stopping, streaming of nights from disk, missing modalities,
    inference by overlapping sequences, and what model files need.

    Attributes
    ----------
    any_subset : bool
        Whether predictions take any non-empty subset of the fitted modalities.
    classes_ : ndarray of shape (n_classes,)
        The classes seen in `fit`.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares of the training rows: the prediction for an epoch without a valid
        signal.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : StagingNet
        The skorch net, on the CPU, with the history of the last training stage.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    ModuleClassifier : A stager of any torch module, without a subclass.
    sleepkit.training.TrainingStage : One stage of a training plan.

    Notes
    -----
    **The hooks.** Only the first one is required.

    ``_build_module()``
        The untrained module, from the parameters, `layout_` and `classes_`. Its forward
        takes ``inputs``, a dict of float32 tensors (batch, ...) by modality, or
        (batch, seq, ...) where `sequence_length` is not None, 0 where values are
        missing; and ``present``, a dict of bool tensors (batch,) or (batch, seq). Both
        lack a modality that none of the nights has. If the module also has
        ``encode(inputs, present)`` and ``decode(encoded, present)``, predictions encode
        each epoch once, however many sequences it is in.
    ``_build_loss(class_weight)``
        A module called with the output and a dict of targets: ``"stages"``, class
        numbers with -1 where unlabelled, ``"present"``, and extra targets. By default
        `sleepkit.nn.StageLoss`, the weighted cross-entropy of logits.
    ``_build_read_out()``
        A picklable function of the output and ``present`` that gives log-probabilities
        (batch, n_classes) or (batch, seq, n_classes). By default the log-softmax of
        logits. With a method ``heads(present)`` it names what it reads, so that no
        other head is computed.
    ``_training_plan(source)``
        A list of `sleepkit.training.TrainingStage`, the last of which trains the whole
        module. By default one, made by ``_stage(source)`` out of the parameters:
        Adam on shuffled sequences. Training that goes on (`partial_fit`, `warm_start`)
        runs the last stage alone.
    ``_extra_targets(split, rng, fresh)``
        Further targets by name, one int a row, -1 where unknown, such as domains.
    ``_staging_sequences(source)``
        Length and stride of the sequences of predictions. By default `sequence_length`
        and `stride`, a quarter of the length where that is None.
    ``_accepts``
        The numbers of axes of an epoch that the module reads, with their meaning.
    ``any_subset``
        Whether the module takes any subset of its modalities. Where it does not, epochs
        that lack one are not trained on, and predicted by `class_prior_`.

    ``_class_weights(y)``
        The weight of each class for ``_build_loss``, from the classes of the training
        rows. ``_weightings`` holds the words that `class_weight` takes for it.

    ``_fit_layout(source)``, ``_check_source(source)``
        Keep what the module depends on, and refuse epochs that differ from it, in
        training and in predictions. By default modalities and shapes and, where
        ``_fits_duration`` says that kernels depend on the sampling rate, the length of
        the epochs, from `epoch_duration` or the nights.
    ``_check_params()``
        Validates the parameters that are not shared.

    **Shared parameters**, documented here once. ``__init__`` must set each of them, and
    may set `sequence_length` and `stride`:

    modalities : mapping of str to sequence of int, default=None
        Indices on the second axis of a plain array for each modality, such as
        ``{"eeg": [0, 1], "eog": [2]}``; None calls everything ``"eeg"``. A channel may
        be left out, but not used twice. Every row of a plain array stands alone, and a
        modality that is NaN throughout a row is missing there. An `EpochArray` has its
        modalities itself.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss, 1 where a mapping does not name it; None
        weighs all rows alike.
    lr : float
        Learning rate, at its peak where there is a schedule.
    weight_decay : float
        Weight of the squared weights in the optimizer's gradient.
    batch_size : int
        Sequences, or epochs, in a batch.
    max_epochs : int
        Passes over the training rows at most.
    validation_fraction : float
        Share of the subjects held out of training to select the best weights; 0, or
        fewer than two known subjects, trains on all rows for `max_epochs`.
    patience : int
        Validations without a lower loss after which training stops. The best weights
        are kept in any case.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one.
    callbacks : sequence of skorch.callbacks.Callback, default=None
        Further callbacks of the skorch net, in each training stage; copied, so that
        they stay as they are.
    device : str, default='auto'
        Device of torch; ``"auto"`` takes CUDA, else MPS, else the CPU. With
        ``"accelerate"`` several processes, each on its GPU or on CPUs, train one net:
        see Notes.
    precision : {'auto', 'float32', 'bfloat16'}, default='auto'
        Floating-point type of matrix products and convolutions in training and
        inference. With ``"bfloat16"`` weights, the state of the optimizer and losses
        stay in float32. ``"auto"`` trains in float32, and predicts in bfloat16 on GPUs
        made for it.
    max_ram : float, default=4e9
        Bytes that the computed values of an `EpochArray` may take in memory; more are
        mapped from a temporary folder. Nights that are all in memory or in a store stay
        where they are: see ``EpochArray.materialize``.
    n_threads : int, default=None
        Threads of torch during `fit` and predictions. None takes one for small nets,
        which gain nothing by more, and as many as torch has for others. Importing
        sleepkit sets the environment variable ``OMP_WAIT_POLICY`` to ``PASSIVE`` where
        it is not set: threads that spin while they wait are many times slower beside
        another busy process. It has no effect where torch was imported before.
    random_state : int, Generator, RandomState or None, default=None
        Seed of weights, dropout, the order of batches and the inner split. The same
        seed, threads and hardware give the same weights, bit for bit.
    verbose : bool, default=False
        Whether to show a progress bar.

    **Several processes.** With ``device="accelerate"`` the processes that
    ``accelerate launch`` or ``torchrun`` started share each batch of a fit, and all
    have the fitted net afterwards. All of them call `fit`, with the same data and the
    same `random_state`, a number. Each runs the module on its part of the rows, forward
    and backward; the outputs are gathered, so that the loss is that of the whole batch,
    and the gradients are added up. So losses, weights, callbacks and early stopping are
    those of one process within rounding, whatever a loss averages over, with three
    exceptions: each process draws its own dropout, and what else a module draws, from
    the seed; batch normalisation, also on GPUs, takes the statistics of the rows of a
    process, and keeps those of the main one; and a module must return one row for each
    row of its input, which DAN with a target domain does not. `batch_size` counts the
    rows of all processes. Only the main process shows progress and writes a
    `sleepkit.training.Checkpoint`. Predictions are not shared: each process predicts
    all that it is given. A process that fails ends all, where the launcher stops the
    others.
    """

    modalities: Mapping[str, Sequence[int]] | None
    sequence_length: int | None = None  # where it is no parameter: epochs alone
    stride: int | None = None
    class_weight: str | Mapping[Any, float] | None
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    validation_fraction: float
    patience: int
    warm_start: bool
    callbacks: Sequence[Any] | None
    device: str
    precision: str
    max_ram: float
    n_threads: int | None
    random_state: RandomState
    verbose: bool

    classes_: Array
    class_prior_: FloatArray
    layout_: dict[str, tuple[int, ...]]
    net_: StagingNet

    _accepts: ClassVar[Mapping[int, str] | None] = None  # None: any number of axes
    any_subset: bool = True
    epoch_duration: float | None  # a parameter of those that fit it
    _fits_duration: ClassVar[bool] = False
    _weightings: ClassVar[tuple[str, ...]] = ("balanced",)

    # Subjects that a splitter gets are requested, so that one array serves both.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}
    __metadata_request__partial_fit: ClassVar[dict[str, bool]] = {"groups": True}

    # ------------------------------------------------------------------- the hooks

    @abstractmethod
    def _build_module(self) -> nn.Module:
        """Untrained module."""

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Loss of the output of the module."""
        return StageLoss(class_weight)

    def _class_weights(self, y: Array) -> Tensor | None:
        """Weight of each class, from the classes of the training rows."""
        return class_weights(self.class_weight, self.classes_, y)

    def _build_read_out(self) -> ReadOut:
        """Log-probabilities as a function of the output and of what is present."""
        return read_logits

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """Stages of the training, one after the other."""
        return [self._stage(source)]

    def _extra_targets(
        self, split: Split, rng: np.random.Generator, *, fresh: bool
    ) -> dict[str, IntArray]:
        """Targets of each row beside its stage, -1 where unknown."""
        return {}

    def _staging_sequences(self, source: EpochSource) -> tuple[int | None, int]:
        """Length and stride of sequences in predictions; length None: epochs alone."""
        length = self._length(source)
        if length is None or isinstance(source, ArraySource):
            return length, 1
        return length, self.stride or max(1, length // 4)

    def _check_params(self) -> None:
        """Refuse parameters of the method that cannot be used."""

    def _fit_layout(self, source: EpochSource) -> None:
        """Keep what the module depends on: the shapes of the epochs."""
        self._check_axes(source.layout)
        self.layout_ = dict(source.layout)
        if self._fits_duration:
            self.epoch_duration_ = fitted_duration(self.epoch_duration, source)

    def _check_source(self, source: EpochSource) -> None:
        """Refuse epochs that differ from those of the fit."""
        check_layout(self, source)
        check_duration(self, source)

    def _check_axes(self, layout: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse epochs with a number of axes that the module does not read."""
        for name, shape in layout.items():
            if self._accepts is not None and len(shape) not in self._accepts:
                owner, kinds = type(self).__name__, " or ".join(self._accepts.values())
                msg = f"{owner} takes {kinds}; got {name!r} epochs of shape {shape}."
                raise ValueError(msg)

    # -------------------------------------------------------------- for subclasses

    def _length(self, source: EpochSource) -> int | None:
        """Epochs in a sequence; the rows of an array stand alone."""
        if self.sequence_length is None:
            return None
        return 1 if isinstance(source, ArraySource) else self.sequence_length

    def _stage(
        self,
        source: EpochSource,
        *,
        optimizer_params: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> TrainingStage:
        """Training stage of the parameters, with some of its fields changed."""
        params: dict[str, Any] = {"weight_decay": self.weight_decay}
        if changes.get("optimizer") is None:
            # Adam takes a tenth of the time of a small net's step if it is not fused.
            params["fused"] = True
        fields = {
            "lr": self.lr,
            "batch_size": self.batch_size,
            "max_epochs": self.max_epochs,
            "sequence_length": self._length(source),
            "optimizer_params": params | dict(optimizer_params or {}),
        }
        return TrainingStage(**fields | changes)

    # -------------------------------------------------------------------- training

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Train on labelled epochs.

        Parameters
        ----------
        X : EpochArray or array-like
            Nights, or epochs that stand alone: see the parameter `modalities`.
        y : array-like of shape (n_rows,)
            Class of each row. Rows outside of an `EpochArray`'s training mask are not
            trained on, and an epoch that is in several rows counts once.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row; an `EpochArray` has its own.

        Returns
        -------
        object
            The classifier itself.

        Raises
        ------
        ValueError
            If a parameter or the input cannot be used.
        SleepkitError
            If the training diverges.

        Notes
        -----
        A fit that fails, or is interrupted, leaves the classifier without a net; one
        that continued another fit, by `warm_start` or `partial_fit`, leaves that. With
        a `sleepkit.training.Checkpoint` among the callbacks, the same call goes on.
        """
        fresh = not (self.warm_start and hasattr(self, "net_"))
        return self._fit(X, y, groups, None, fresh=fresh)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        groups: Any = None,
        *,
        replay: tuple[Any, Any] | None = None,
    ) -> Self:
        """Continue the training, for `max_epochs` passes at most, on new nights say.

        Parameters
        ----------
        X : EpochArray or array-like
            As for `fit`; an `EpochArray` may lack some of the modalities.
        y : array-like of shape (n_rows,)
            Class of each row.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be; read at the first call only, where None means
            those of ``y``.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row.
        replay : tuple of (X, y), default=None
            Earlier nights, mixed into each pass and into the inner split by subject.
            Without them, training on a few nights forgets the stages that these lack.

        Returns
        -------
        object
            The classifier itself.

        Raises
        ------
        ValueError
            If the input cannot be used, or has a class that was not named.
        SleepkitError
            If the training diverges.
        """
        fresh = not hasattr(self, "net_")
        X, y = add_replay(X, y, groups, replay, owner=type(self).__name__)
        return self._fit(X, y, groups, classes, fresh=fresh)

    def _fit(
        self,
        X: Any,
        y: Any,
        groups: Any,
        classes: Any,
        *,
        fresh: bool,
        teacher: Teacher | None = None,
    ) -> Self:
        """Train from scratch, or further; perhaps on what a teacher says, too."""
        owner = type(self).__name__
        self._check_params()
        check_shared_params(self)
        if fresh and hasattr(self, "net_"):  # a fit that fails leaves nothing half new
            del self.net_
        X, y = check_rows_and_targets(self, X, y, fresh=fresh)
        subject = subjects_of(X, groups)
        mask = X.train_mask if isinstance(X, EpochArray) else np.ones(len(y), np.bool_)
        check_classification_targets(y)
        if fresh:
            self.classes_ = unique_labels(y if classes is None else classes)
        codes = encode_classes(y, self.classes_, owner=owner)
        rng = check_random_state(self.random_state)
        with open_source(self, X) as source:
            if fresh:
                self._fit_layout(source)
            self._check_source(source)
            fraction = self.validation_fraction
            split = make_split(source, codes, subject, mask, fraction, rng, owner=owner)
            split = split._replace(teacher=teacher)
            self._train(source, split, rng, fresh=fresh)
        return self

    def _train(
        self,
        source: EpochSource,
        split: Split,
        rng: np.random.Generator,
        *,
        fresh: bool,
    ) -> None:
        """Run the stages of the plan, and keep the net of the last one."""
        targets = {"stages": split.y, **self._extra_targets(split, rng, fresh=fresh)}
        targets |= teacher_targets(split.teacher, source)
        data = TrainingData.of_rows(source, split.train, split.valid, targets)
        weights = self._class_weights(self.classes_[split.y[split.train]])
        plan = self._training_plan(source)
        if not plan:
            msg = f"_training_plan of {type(self).__name__} gave no stage."
            raise ValueError(msg)
        options = TrainingOptions.of(self)
        seed = int(rng.integers(_SEED_BOUND))
        with seeded(seed, options.device):
            module = self._build_module()
            if fresh:
                self._begin(module)
            else:
                self._restore(module)
            for stage in plan if fresh else plan[-1:]:
                loss = stage.loss() if stage.loss else self._build_loss(weights)
                read_out = self._build_read_out()
                followed = None if stage.loss else split.teacher
                with following(followed, loss, read_out, source):
                    net = train_stage(stage, module, loss, read_out, data, options, rng)
        self.net_ = net
        share = np.bincount(split.y[split.train], minlength=len(self.classes_))
        self.class_prior_ = share / share.sum()

    def _begin(self, module: nn.Module) -> None:
        """Give a new module the weights of another classifier, where one is given."""

    def _restore(self, module: nn.Module) -> None:
        """Give a new module the weights of the last fit."""
        try:
            module.load_state_dict(self.net_.module_.state_dict())
        except RuntimeError as error:
            msg = (
                f"The parameters of {type(self).__name__} make another net than that "
                "of the last fit; put them back, or fit anew with warm_start=False."
            )
            raise ValueError(msg) from error

    # ------------------------------------------------------------------ prediction

    def predict(self, X: Any) -> Array:
        """Predict the most probable class of each epoch.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows,)
            The most probable class of each row.
        """
        proba = self.predict_proba(X)
        predicted: Array = self.classes_[proba.argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> FloatArray:
        """Compute the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The probabilities.

        Raises
        ------
        ValueError
            If a parameter cannot be used, a modality is unknown or of another shape, no
            epoch has a valid signal, or values are too large to compute with.
        """
        proba, no_signal = self._predict_with_gaps(X)
        if no_signal.any():
            self._warn_no_signal(X, no_signal, "the shares of the classes in training")
        return proba

    def _predict_with_gaps(self, X: Any) -> tuple[FloatArray, BoolArray]:
        """Probabilities of each row, and which rows have no signal."""
        check_is_fitted(self, "net_")
        read_out = self._build_read_out()
        log_proba, no_signal = self._infer(X, read_out, len(self.classes_))
        proba: FloatArray = softmax(log_proba, axis=1)
        proba[no_signal] = self.class_prior_
        return proba, no_signal

    @property
    def module_(self) -> nn.Module:
        """The trained torch module."""
        module: nn.Module = self.net_.module_
        return module

    def _infer(
        self, X: Any, read_out: ReadOut, n_columns: int
    ) -> tuple[FloatArray, BoolArray]:
        """Run the module; give what is read of each row, and which have no signal."""
        self._check_params()
        check_shared_params(self)
        with open_source(self, check_rows(self, X)) as source:
            self._check_source(source)
            values = self._read(source, read_out, n_columns)
            no_signal: BoolArray = ~source.has_signal[source.row_to_epoch]
        if np.isnan(values[~no_signal]).any():
            msg = f"{type(self).__name__} cannot stage X: its values are too large."
            raise ValueError(msg)
        return values, no_signal

    def _read(
        self, source: EpochSource, read_out: ReadOut, n_columns: int
    ) -> FloatArray:
        """Run the trained module; give what is read of each row of a source."""
        length, stride = self._staging_sequences(source)
        return infer(
            self.module_,
            read_out,
            source,
            n_columns=n_columns,
            batch_size=self.batch_size,
            length=length,
            stride=stride,
            device=find_device(self.device),
            precision=self.precision,
            n_threads=self.n_threads,
        )

    def _warn_no_signal(self, X: Any, no_signal: BoolArray, fallback: str) -> None:
        """Warn of rows without signal, and refuse X if there are no others."""
        n_empty, n_rows = int(no_signal.sum()), len(no_signal)
        needed = "any" if self.any_subset else "every"
        if n_empty == n_rows:
            names = ", ".join(getattr(X, "modalities", self.layout_))
            msg = (
                f"{type(self).__name__} cannot stage X: no epoch has a valid signal in "
                f"{'any' if self.any_subset else 'all'} of {names}"
                f"{of_nights(ids_of(X))}"
            )
            raise RecordingError(msg)
        warn(
            f"{n_empty} of {n_rows} epochs have no valid signal in {needed} modality; "
            f"they get {fallback}.",
            SleepkitWarning,
            stacklevel=3,
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a net; a fit that failed leaves other attributes."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: what plain arrays may hold."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags
