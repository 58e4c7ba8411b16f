"""MedFuseSleep: transformers of each modality with attention to the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit._typing import FloatArray, RandomState
from sleepkit.classifiers._attention import epoch_attention
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._head_selector import SUBSET, HeadSelector, checked_weights
from sleepkit.classifiers._head_weights import pairs_and_more, weigh_heads
from sleepkit.classifiers._medfuse_params import check_medfuse_params
from sleepkit.classifiers._noisy_nights import judge_held_out, read_without_noise
from sleepkit.classifiers._pretraining import PRETRAINED, pretrain
from sleepkit.classifiers._split import Split
from sleepkit.classifiers._start_weights import begin
from sleepkit.nn import (
    EarlyFusionNet,
    EpochAttention,
    MedFuseLoss,
    MedFuseNet,
    MidLateFusionNet,
)
from sleepkit.training import (
    CosineSchedule,
    EpochSource,
    ModalityDropout,
    RestartSchedule,
    TrainingStage,
)
from sleepkit.training._inference import ReadOut

_FUSIONS: Final[Mapping[str, Callable[..., nn.Module]]] = {
    "coordinated": MedFuseNet,
    "early": EarlyFusionNet,
    "mid-late": MidLateFusionNet,
}
_FIRST_TEMPERATURE: Final = 0.1  # of a trained one
_HELD_OUT: Final = ("held_out_heads_", "held_out_dynamics_")
_PAIR: Final = 2  # modalities, where the paper's training stages every subset


class MedFuseSleepClassifier(SleepClassifier):
    """Stage sequences of epochs by several modalities, or by any of them alone.

    Each modality has a transformer over the frames of an epoch and one over the epochs
    of a sequence; they run alone, and a second time with attention to the other
    modalities. The fused head stages epochs with all modalities, a unimodal head those
    with one, and of three modalities or more these heads and a subset head together
    stage those that lack some. So a fitted classifier takes **any subset of its
    modalities**, night by night and epoch by epoch, and trains on nights that lack some
    beside complete ones. The input is spectra (see `STFTEpocher`), or features, which
    count as one frame.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`.
    fusion : {'coordinated', 'early', 'mid-late'}, default='coordinated'
        How modalities are fused: by attention between their transformers, as in the
        paper; in one transformer for the tokens of all; or by the sum of the outputs of
        each modality's own transformers. See the modules of the same names.
    sequence_length : int, default=21
        Epochs in a sequence. Sequences lie inside one night, and end at gaps.
    stride : int, default=None
        Epochs from one sequence to the next in predictions; where sequences overlap,
        the log-probabilities are averaged. None is a quarter of `sequence_length`,
        which on simulated nights gives 99 % of epochs the stage that 1 gives them.
    d_model : int, default=128
        Size of a token. Frames with as many values (channels times bins) enter as they
        are, others through a linear layer.
    n_heads : int, default=8
        Attention heads, a divisor of `d_model`.
    n_layers : int, default=4
        Layers of each of the two transformers of a modality.
    dim_feedforward : int, default=1024
        Hidden units of the layers.
    dropout : float, default=0.3
        Dropout of attention outputs, feed-forward layers and heads.
    max_relative_distance : int, default=6
        Distance in tokens to which larger ones are clipped in relative positions.
    d_head : int, default=1024
        Hidden units of the heads.
    multi_view : float, default=1.0
        Weight of the loss of each unimodal head. With 0 and ``alignment=0`` the loss is
        that of the paper's MedFuseSleep-Base.
    alignment : float, default=0.1
        Weight of the alignment loss of each pair of modalities.
    temperature : float or 'learned', default=0.1
        Divisor of the cosines in the alignment loss. ``'learned'`` makes it a parameter
        of the loss that starts at 0.1 and stays above 0.01.
    negatives : {'sequence', 'batch'}, default='sequence'
        Negatives of an epoch in the alignment loss: the other epochs of its sequence,
        or of the batch.
    missing : {'auto', 'unimodal_head', 'fused_head'}, default='auto'
        Head that stages an epoch with a single modality: that modality's own, or the
        fused one, which is then trained on such epochs too, and otherwise on those with
        two or more. ``"auto"`` takes the unimodal head where it is trained, that is,
        `multi_view` > 0. Each subset of two modalities or more, but not all, is then
        staged by all of its heads, the fused one, the subset head and the unimodal ones
        of the subset, with weights by held-out subjects: see Notes. They take up to 64
        stagings of the held-out subjects, and one by each modality alone. So a subset
        is hardly worse than its best part. Where less than half an hour with all of the
        subset is held out, the fused and the subset head alone stage it. All modalities
        are staged by the fused head, as in the paper.
    unimodal_weights : mapping of str to float, default=None
        Weights of unimodal heads beside the fused one, which has 1, on epochs of
        several modalities: ``{"eeg": 0.5}`` averages log-probabilities by two to one.
        It limits the damage by another signal that misleads, at the cost of a little of
        its gain elsewhere. None leaves that to `missing`.
    subset_head : bool or 'auto', default='auto'
        Whether a head of its own, trained on random subsets of the modalities, and the
        fused head together stage epochs that lack some and have several (with
        ``missing="fused_head"``: one or more). It stands on what the net makes of these
        modalities, each alone and all together, and changes nothing else: all other
        heads are bit for bit those of a training without it. ``"auto"`` is True with
        three modalities or more, and False, as in the paper, with two. Otherwise the
        fused head alone stages these epochs.
    leave_out_noise : bool, default=True
        Whether a modality counts as missing in nights of two hours or more in which it
        is noise or dead, by the stages of its unimodal head: see Notes. It takes
        ``multi_view > 0`` and, for what is dead, a held-out night; `fusion`
        ``"early"``, whose unimodal heads need passes of their own, then predicts in
        nearly twice the time.
    modality_dropout : float, default=0.0
        Probability that a modality is dropped from a sequence in training; the last one
        never is. `sleepkit.training.ModalityDropout`, as one of `callbacks`, offers
        more.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; None weighs all rows alike.
    lr : float, default=1e-4
        Learning rate of Adam at its peak.
    weight_decay : float, default=1e-4
        Weight of the squared weights in Adam's gradient.
    schedule : {'cosine', 'released', 'constant'}, default='cosine'
        Schedule of the learning rate: a warm-up and a cosine to zero over `max_epochs`;
        22,000 steps at `lr` and then cosines with restarts, as in the code that the
        authors released; or `lr` throughout. See `sleepkit.training.RestartSchedule`.
    warmup : float, default=0.05
        Share of all steps (20,000 at most) in which the learning rate of the schedule
        ``'cosine'`` rises from zero.
    batch_size : int, default=16
        Sequences (of plain arrays: rows) in a batch.
    max_epochs : int, default=50
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out to select the best weights; see
        `SleepClassifier`.
    patience : int, default=10
        Validations without a lower loss after which training stops.
    validate_every : int, default=None
        Steps from one validation to the next, so that training stops after
        ``patience * validate_every`` steps without a lower loss; the paper's code has
        250 times 400. None validates after each pass.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one, or of `pretrain`.
    warm_start_from : estimator, default=None
        Another `MedFuseSleepClassifier` of the same modalities or more, `fusion` and
        sizes, or a Pipeline that ends with one, whose weights `fit` and `pretrain`
        start from: fitted, or after `pretrain`. Heads are new unless the classes and
        their sizes are the same. A clone has it as it is, and a model file leaves it
        out.
    callbacks : sequence of skorch.callbacks.Callback, default=None
        Further callbacks of the skorch net. The learning rate is set before each batch,
        whatever a callback made of it, except with ``schedule='constant'``.
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
        Their shares of the training rows: the prediction for an epoch without a valid
        signal.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the last training.
    held_out_heads_ : dict of str to dict of str to float
        Weights of heads that held-out subjects decided on, by subset; see `missing`.
    held_out_dynamics_ : dict of str to float
        Median ``d`` of each modality over held-out nights of two hours or more; see
        Notes.
    subset_heads_ : dict of str to dict of str to float
        Table of the heads that stage each subset of the modalities, by the parameters
        and `held_out_heads_`, such as ``{"eeg": {"eeg": 1.0}, ..., "eeg+eog": {"fused":
        0.2, "subset": 0.4, "eeg": 0.3, "eog": 0.1}, ..., "eeg+eog+emg": {"fused":
        1.0}}``; of more than 64 subsets of several modalities, all, all but one, pairs,
        and the largest others.
    pretrained_ : dict of str to ndarray
        Weights of the encoders after `pretrain`, until the next `fit`.
    pretraining_losses_ : ndarray of shape (n_passes,)
        Loss of held-out subjects after each pass of `pretrain`, or that of the training
        where none were held out.
    temperature_ : float
        The temperature of the alignment loss at the end of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.MedFuseNet : The module of coordinated fusion, with the references.
    sleepkit.nn.EarlyFusionNet : The module of early fusion.
    sleepkit.nn.MidLateFusionNet : The module of mid-late fusion.
    sleepkit.nn.MedFuseLoss : The loss.
    SleepMGClassifier : A method for raw signals and unseen groups of subjects.

    Notes
    -----
    The loss is ``CE_fused + multi_view * sum_m CE_m + alignment * L_AL``: the
    cross-entropies of the fused and the unimodal heads, each over the epochs that have
    the modalities it needs, and the alignment loss over the epochs that have both
    modalities of a pair. Its sign is the one that pulls the embeddings of an epoch
    together; the paper's formula lacks a minus. With one modality the loss is its
    cross-entropy. A subset head has a cross-entropy of its own, which ends at that
    head. The paper names both a fixed rate of 1e-4 and a peak of 0.03, at which Adam
    would diverge: here 1e-4 is the peak. The prediction of a row does not depend on
    which other rows of its night are requested.

    **Which heads stage a subset.** A head counts in proportion to ``exp(-8 L)``, with
    ``L`` its (unweighted) cross-entropy over the epochs of held-out subjects that have
    all of the subset, in nights in which none of it is noise if there are such.
    Probabilities are in proportion to ``exp`` of the mean of the heads'
    log-probabilities with these weights, which are rounded to hundredths.

    **A modality that is noise in a night.** Stages last for minutes, and change in the
    course of a night. Let ``p(t)`` be the probabilities of the stages of epoch ``t`` by
    the unimodal head of a modality, ``d`` the covariance of ``p(t)`` and ``p(t + 1)``
    over a night, summed over stages, and ``v`` the variance of ``p(t)``. By noise
    stages jump, and ``d`` is about 0; by a dead channel they never change, and ``d``
    and ``v`` are about 0. With `leave_out_noise`, a modality counts as missing in a
    night, with a warning, if others contradict it: the sum of ``p(t) q(t)`` over
    stages, its mean over epochs, is below one half. One that jumps, with ``d`` below
    ``0.3 v``, is judged by those that do not; those with ``v`` below 0.05 hardly tell
    stages apart, and have no part in this. One with ``d`` below 0.3 of its median over
    held-out nights is judged by those whose ``d`` is above that bound and above their
    own one; those whose median is below 0.05 have no part in this. Epochs without
    another modality keep the one that is noise. Both rules are made for five stages: of
    two, noise has half of the probability in common with any signal, and is seldom
    found.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import MedFuseSleepClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N2", "REM"], 40)
    >>> X = rng.normal(size=(80, 4)) + 4 * (y == "REM")[:, np.newaxis]
    >>> stager = MedFuseSleepClassifier(
    ...     {"eeg": [0, 1], "eog": [2, 3]}, d_model=8, n_heads=2, n_layers=1,
    ...     dim_feedforward=16, d_head=16, lr=0.01, max_epochs=8, random_state=0)
    >>> stager.fit(X, y).score(X, y)
    1.0
    >>> X[:, :2] = np.nan  # without EEG
    >>> stager.score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {
        3: "spectra (n_channels, n_frames, n_bins), see STFTEpocher,",
        1: "features",
    }

    temperature_: float
    held_out_heads_: dict[str, dict[str, float]]
    held_out_dynamics_: dict[str, float]

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        fusion: Literal["coordinated", "early", "mid-late"] = "coordinated",
        sequence_length: int = 21,
        stride: int | None = None,
        d_model: int = 128,
        n_heads: int = 8,
        n_layers: int = 4,
        dim_feedforward: int = 1024,
        dropout: float = 0.3,
        max_relative_distance: int = 6,
        d_head: int = 1024,
        multi_view: float = 1.0,
        alignment: float = 0.1,
        temperature: float | Literal["learned"] = 0.1,
        negatives: Literal["sequence", "batch"] = "sequence",
        missing: Literal["auto", "unimodal_head", "fused_head"] = "auto",
        unimodal_weights: Mapping[str, float] | None = None,
        subset_head: bool | Literal["auto"] = "auto",
        leave_out_noise: bool = True,
        modality_dropout: float = 0.0,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-4,
        weight_decay: float = 1e-4,
        schedule: Literal["cosine", "released", "constant"] = "cosine",
        warmup: float = 0.05,
        batch_size: int = 16,
        max_epochs: int = 50,
        validation_fraction: float = 0.1,
        patience: int = 10,
        validate_every: int | None = None,
        warm_start: bool = False,
        warm_start_from: Any = None,
        callbacks: Sequence[Any] | None = None,
        device: str = "auto",
        precision: str = "auto",
        max_ram: float = 4e9,
        n_threads: int | None = None,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.modalities = modalities
        self.fusion = fusion
        self.sequence_length = sequence_length
        self.stride = stride
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.dim_feedforward = dim_feedforward
        self.dropout = dropout
        self.max_relative_distance = max_relative_distance
        self.d_head = d_head
        self.multi_view = multi_view
        self.alignment = alignment
        self.temperature = temperature
        self.negatives = negatives
        self.missing = missing
        self.unimodal_weights = unimodal_weights
        self.subset_head = subset_head
        self.leave_out_noise = leave_out_noise
        self.modality_dropout = modality_dropout
        self.class_weight = class_weight
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.validate_every = validate_every
        self.warm_start = warm_start
        self.warm_start_from = warm_start_from
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.max_ram = max_ram
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    @property
    def subset_heads_(self) -> dict[str, dict[str, float]]:
        """Weights of the heads that stage each subset of the modalities."""
        check_is_fitted(self, "net_")
        selector = self._build_read_out()
        subsets = [*((name,) for name in self.layout_), *pairs_and_more(self.layout_)]
        return {"+".join(some): selector.weights(some) for some in subsets}

    def __sklearn_clone__(self) -> Self:
        """Clone that starts from the same weights, which a clone of them would lack."""
        copied: Self = super().__sklearn_clone__()
        copied.warm_start_from = self.warm_start_from
        return copied

    def pretrain(
        self,
        X: Any,
        groups: Any = None,
        *,
        objective: Literal["contrastive", "masked"] = "contrastive",
        batch_size: int = 256,
    ) -> Self:
        """Train the encoders of single epochs without stages.

        A later `fit` starts from their weights by ``warm_start_from=``, in another
        classifier of the same sizes, or by ``warm_start=True`` in this one.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not. Leave out the subjects that
            are to test the stager.
        groups : array-like of shape (n_rows,), default=None
            Subject of each row; an `EpochArray` has its own.
        objective : {'contrastive', 'masked'}, default='contrastive'
            What is trained: that an epoch by one modality is like the mean of its other
            modalities, among the epochs of a batch, by `temperature`; or to predict
            hidden frames and bands of spectra.
        batch_size : int, default=256
            Epochs in a batch. The other parameters are those of the classifier.

        Returns
        -------
        MedFuseSleepClassifier
            The classifier itself, with `pretrained_` in place of an earlier fit.

        Raises
        ------
        ValueError
            If a parameter or the input cannot be used, such as one modality, which has
            no other, or features, which have no frames to hide.
        SleepkitError
            If the training diverges.

        See Also
        --------
        sleepkit.nn.LeaveOneOutLoss : The contrastive loss, with its reference.
        sleepkit.nn.MaskedSpectra : What is hidden, and how it is predicted.
        """
        pretrain(self, X, groups, objective=objective, batch_size=batch_size)
        return self

    def attention(self, X: Any) -> EpochAttention:
        """Compute which frames of each epoch the net attends to.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs, as for `predict`. Give a few: an epoch of three modalities has
            about a megabyte of weights at the default size.

        Returns
        -------
        sleepkit.nn.EpochAttention
            Arrays with one row for each row of X. They do not depend on other epochs:
            attention to these, in the second transformer of a modality, is left out.

        Raises
        ------
        ValueError
            If X cannot be used, or with ``fusion="early"``.

        See Also
        --------
        sleepkit.plotting.AttentionDisplay : Draws it over the signal of an epoch.
        """
        return epoch_attention(self, X)

    def _build_module(self) -> nn.Module:
        """Net of the chosen fusion."""
        return _FUSIONS[self.fusion](
            self.layout_,
            len(self.classes_),
            d_model=self.d_model,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            dim_feedforward=self.dim_feedforward,
            dropout=self.dropout,
            max_relative_distance=self.max_relative_distance,
            d_head=self.d_head,
            min_subset=self._min_subset,
        )

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Sum of the three losses."""
        temperature: Any = self.temperature
        if temperature == "learned":
            temperature = getattr(self, "temperature_", _FIRST_TEMPERATURE)
        return MedFuseLoss(
            class_weight,
            multi_view=self.multi_view,
            alignment=self.alignment,
            temperature=temperature,
            learn_temperature=self.temperature == "learned",
            negatives=self.negatives,
            min_modalities_for_fusion=self._min_modalities_for_fusion,
        )

    def _build_read_out(self) -> HeadSelector:
        """Heads that held-out subjects decided on, else those of the rule."""
        decided = getattr(self, "held_out_heads_", {}) if self._weighs_heads else {}
        chosen = {frozenset(key.split("+")): heads for key, heads in decided.items()}
        return replace(self._rule, chosen=chosen)

    @property
    def _rule(self) -> HeadSelector:
        """Heads by the parameters alone."""
        needed = self._min_modalities_for_fusion if len(self.layout_) > 1 else 2
        if hasattr(self, "net_"):  # parameters may have changed since the training
            has_subset_head = SUBSET in self.net_.module_.heads
        else:
            has_subset_head = self._min_subset is not None
        complete = len(self.layout_) if has_subset_head else 0
        return HeadSelector(needed, checked_weights(self), complete=complete)

    def _begin(self, module: nn.Module) -> None:
        """Start from pretrained weights, or those of another classifier."""
        begin(self, module)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with the paper's eps of Adam."""
        stage = self._stage(
            source,
            optimizer_params={"eps": 1e-7},
            callbacks=self._schedules,
            validate_every=self.validate_every,
        )
        return [stage]

    def _schedules(self, n_steps: int) -> list[Callback]:
        """Callbacks of the learning rate and of modality dropout."""
        callbacks: list[Callback] = []
        if self.schedule == "cosine":
            callbacks.append(CosineSchedule(n_steps, self.warmup))
        elif self.schedule == "released":
            callbacks.append(RestartSchedule())
        if self.modality_dropout:
            callbacks.append(ModalityDropout(self.modality_dropout))
        return callbacks

    def _train(
        self,
        source: EpochSource,
        split: Split,
        rng: np.random.Generator,
        *,
        fresh: bool,
    ) -> None:
        """Train, keep the temperature, and weigh the heads of each subset."""
        before = dict(vars(self))
        if fresh:
            for name in {"temperature_", *_HELD_OUT} & set(before):
                delattr(self, name)
        super()._train(source, split, rng, fresh=fresh)
        for name in PRETRAINED:
            self.__dict__.pop(name, None)
        with torch.no_grad():
            self.temperature_ = float(self.net_.criterion_.temperature)
        decided: dict[str, Any] = {name: {} for name in _HELD_OUT}
        if split.valid.any():
            try:
                decided |= self._decide(source, split)
            except BaseException:  # as in an interrupted training, nothing is half new
                self.__dict__ = before
                raise
        for name, found in decided.items():
            setattr(self, name, getattr(self, name, {}) | found)

    def _decide(self, source: EpochSource, split: Split) -> dict[str, Any]:
        """Return what held-out subjects decide, by the name of the attribute."""
        if not self._has_unimodal_heads:
            return {}
        read, n_classes = super()._read, len(self.classes_)
        rows = np.flatnonzero(split.valid)
        usual, noisy = judge_held_out(read, source, rows, n_classes)
        decided: dict[str, Any] = {"held_out_dynamics_": usual}
        if self._weighs_heads:
            known = [name for name in self.layout_ if name in source.layout]
            n_all = len(self.layout_)
            some = (each for each in pairs_and_more(known) if len(each) < n_all)
            noisy = noisy if self.leave_out_noise else {}
            decided["held_out_heads_"] = weigh_heads(
                read, source, some, split, self._rule, n_classes, noisy
            )
        return decided

    def _read(
        self, source: EpochSource, read_out: ReadOut, n_columns: int
    ) -> FloatArray:
        """Read each row, a modality that is noise in a night counting as missing."""
        if not self._judges_nights or not isinstance(read_out, HeadSelector):
            return super()._read(source, read_out, n_columns)
        usual = getattr(self, "held_out_dynamics_", {})
        return read_without_noise(super()._read, source, read_out, n_columns, usual)

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        check_medfuse_params(self)

    @property
    def _has_unimodal_heads(self) -> bool:
        """Whether there are trained heads of several modalities, each alone."""
        return self.multi_view > 0 and len(self.layout_) > 1

    @property
    def _judges_nights(self) -> bool:
        """Whether a modality that is noise in a night counts as missing."""
        return self.leave_out_noise and self._has_unimodal_heads

    @property
    def _weighs_heads(self) -> bool:
        """Whether held-out subjects decide how the heads of a subset count."""
        by_rule = self.missing != "auto" or bool(self.unimodal_weights)
        return not by_rule and self._has_unimodal_heads

    @property
    def _min_subset(self) -> int | None:
        """Modalities that the subset head has at least, if there is one."""
        least = self._min_modalities_for_fusion
        wanted = self.subset_head
        if wanted == "auto":
            wanted = len(self.layout_) > _PAIR
        return least if wanted and len(self.layout_) > least else None

    @property
    def _min_modalities_for_fusion(self) -> int:
        """Modalities that an epoch must have for the fused head to stage it."""
        unimodal_heads = self.multi_view > 0 and self.missing != "fused_head"
        return 2 if unimodal_heads else 1
