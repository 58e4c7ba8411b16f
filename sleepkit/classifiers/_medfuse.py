"""MedFuseSleep: transformers of each modality that listen to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit._typing import RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._criteria import HeadSelector
from sleepkit.classifiers._split import Split
from sleepkit.nn import EarlyFusionNet, MedFuseLoss, MedFuseNet, MidLateFusionNet
from sleepkit.training import (
    CosineSchedule,
    EpochSource,
    ModalityDropout,
    RestartSchedule,
    TrainingStage,
)
from sleepkit.training._inference import ReadOut
from sleepkit.utils import check_count, check_fraction, check_option, check_positive

_FUSIONS: Final[Mapping[str, Callable[..., nn.Module]]] = {
    "coordinated": MedFuseNet,
    "early": EarlyFusionNet,
    "mid-late": MidLateFusionNet,
}
_OPTIONS: Final = {
    "fusion": tuple(_FUSIONS),
    "missing": ("auto", "own_head", "fused_head"),
    "negatives": ("sequence", "batch"),
    "schedule": ("cosine", "released", "constant"),
}
_FIRST_TEMPERATURE: Final = 0.1  # of a trained one


class MedFuseSleepClassifier(SleepClassifier):
    """Stage sequences of epochs by several modalities, or by any of them alone.

    Each modality has a transformer over the frames of an epoch and one over the epochs
    of a sequence; they run alone, and a second time listening to the other modalities.
    An epoch with two or more modalities is staged by the fused result, one with a
    single modality by that modality's own head, so a fitted classifier takes **any of
    the modalities it was trained on**, night by night and epoch by epoch, and nights
    that lack some are learnt from beside complete ones. The input is spectra (see
    `STFTEpocher`), or features, which count as one frame.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Indices on the second axis of a plain array for each modality, such as
        ``{"eeg": [0, 1], "eog": [2]}``; None calls everything ``"eeg"``. Every row of a
        plain array stands alone, and a modality that is NaN throughout a row is missing
        there. An `EpochArray` knows its modalities.
    fusion : {'coordinated', 'early', 'mid-late'}, default='coordinated'
        How modalities come together: by attention between their transformers, as in
        the paper; in one transformer for the tokens of all; or by the sum of what each
        modality's own transformers found. See the modules of the same names.
    sequence_length : int, default=21
        Epochs in a sequence. Sequences lie inside one night, and end at gaps.
    stride : int, default=None
        Epochs from one sequence to the next in staging; where sequences overlap, the
        log-probabilities are averaged. None is a quarter of `sequence_length`, which
        on simulated nights gives 99 % of epochs the stage that 1 gives them.
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
        Tokens farther apart than this count as this far.
    d_head : int, default=1024
        Hidden units of the heads.
    multi_view : float, default=1.0
        Weight of each modality's own loss. With 0 and ``alignment=0`` the loss is that
        of the paper's MedFuseSleep-Base.
    alignment : float, default=0.1
        Weight of the alignment loss of each pair of modalities.
    temperature : float or 'learnt', default=0.1
        What the alignment loss divides cosines by. One that is learnt starts at 0.1
        and stays above 0.01; it belongs to the loss, not to the net that stages.
    negatives : {'sequence', 'batch'}, default='sequence'
        What an epoch is told apart from in the alignment loss: the other epochs of its
        sequence, or of the batch.
    missing : {'auto', 'own_head', 'fused_head'}, default='auto'
        What stages an epoch with a single modality: the modality's own head, or the
        fused one from that modality alone. The fused head also learns from such epochs
        where it has to stage them, and otherwise from those with two or more.
        ``"auto"`` takes the own head where it is taught, that is, `multi_view` > 0.
    unimodal_weights : mapping of str to float, default=None
        What own heads count beside the fused one, which counts 1, in staging epochs of
        several modalities: ``{"eeg": 0.5}`` averages log-probabilities by two to one.
        That limits what another signal can spoil where it misleads, and a little of
        what it is worth elsewhere. None stages by the fused head alone.
    modality_dropout : float, default=0.0
        Probability that a modality is left out of a sequence in training; the last one
        never is. See `sleepkit.training.ModalityDropout`, which as one of `callbacks`
        offers more.
    class_weight : "balanced" or mapping of class to float, default=None
        What each class counts in the loss; None counts all rows alike.
    lr : float, default=1e-4
        Learning rate of Adam at its highest.
    weight_decay : float, default=1e-4
        Weight of the squared weights, in Adam's gradient.
    schedule : {'cosine', 'released', 'constant'}, default='cosine'
        How the learning rate goes: a warm-up and a cosine to zero over `max_epochs`;
        22,000 steps at `lr` and then cosines that start again, as in the code that the
        authors released; or `lr` throughout. See `sleepkit.training.RestartSchedule`.
    warmup : float, default=0.05
        Share of all steps (20,000 at most) in which the learning rate of the schedule
        ``'cosine'`` rises from zero.
    batch_size : int, default=16
        Sequences (of plain arrays: rows) in a batch.
    max_epochs : int, default=50
        Passes over the training rows at most.
    validation_fraction : float, default=0.1
        Share of the subjects held out of training to find the best weights by; 0, or
        fewer than two known subjects, learns from all rows for `max_epochs`.
    patience : int, default=10
        Validations without a better loss after which training stops. The best weights
        are kept in any case.
    validate_every : int, default=None
        Steps from one validation to the next, so that training stops after
        ``patience * validate_every`` steps without a better loss; the paper's code has
        250 times 400. None validates after each pass.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last one.
    callbacks : sequence of skorch.callbacks.Callback, default=None
        Further callbacks of the skorch net; copied, so that they stay as they are. The
        learning rate is set before each batch, whatever a callback made of it, except
        with ``schedule='constant'``.
    device : str, default='auto'
        Device of torch; ``"auto"`` takes CUDA, else MPS, else the CPU.
    precision : {'auto', 'float32', 'bfloat16'}, default='auto'
        Numbers that matrix products are computed in, for training and for staging.
        With ``"bfloat16"`` weights, the state of Adam and losses stay in float32; on
        processors made for it, a step of the paper's net takes two thirds of the time.
        ``"auto"`` trains in float32, and stages in bfloat16 on GPUs made for it.
    max_ram : float, default=4e9
        Bytes that the values of an `EpochArray` may take in memory once computed; what
        needs more is mapped from a temporary folder. Nights that are all in memory or
        in a store stay where they are: see ``EpochArray.materialize``.
    n_threads : int, default=None
        Threads of torch during `fit` and staging; None leaves them as they are.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        Seed of weights, dropout, the order of batches and the inner split. The same
        seed, threads and hardware give the same weights, bit for bit.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes that were seen.
    class_prior_ : ndarray of shape (n_classes,)
        Their shares of the training rows: what is predicted for an epoch without any
        valid signal.
    layout_ : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    net_ : sleepkit.training.StagingNet
        The skorch net, on the CPU, with the history of the last training.
    temperature_ : float
        The temperature of the alignment loss at the end of the training.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.

    See Also
    --------
    sleepkit.nn.MedFuseNet : The module of coordinated fusion, with the references.
    sleepkit.nn.EarlyFusionNet : The module of early fusion.
    sleepkit.nn.MidLateFusionNet : The module of mid-late fusion.
    SleepMGClassifier : A method for raw signals and new groups of people.

    Notes
    -----
    The loss is ``CE_fused + multi_view * sum_m CE_m + alignment * L_AL``: the
    cross-entropy of the fused result, that of each modality, each over the epochs that
    have what it needs, and the alignment loss over the epochs that both modalities of
    a pair have, whose sign is the one that pulls their views of an epoch together; the
    paper's formula lacks a minus. With one modality the loss is its cross-entropy.
    The paper names both a fixed rate of 1e-4 and a peak of 0.03, at which Adam would
    diverge: here 1e-4 is the peak. Of the rows of one night, at staging, none depends
    on which others were asked for.

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
    >>> X[:, :2] = np.nan  # what if the EEG were missing?
    >>> stager.score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {
        3: "spectra (n_channels, n_frames, n_bins), see STFTEpocher,",
        1: "features",
    }

    temperature_: float

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
        temperature: float | Literal["learnt"] = 0.1,
        negatives: Literal["sequence", "batch"] = "sequence",
        missing: Literal["auto", "own_head", "fused_head"] = "auto",
        unimodal_weights: Mapping[str, float] | None = None,
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
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.max_ram = max_ram
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

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
        )

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Sum of the three losses."""
        temperature: Any = self.temperature
        if temperature == "learnt":
            temperature = getattr(self, "temperature_", _FIRST_TEMPERATURE)
        return MedFuseLoss(
            class_weight,
            multi_view=self.multi_view,
            alignment=self.alignment,
            temperature=temperature,
            learn_temperature=self.temperature == "learnt",
            negatives=self.negatives,
            min_modalities_for_fusion=self._min_modalities_for_fusion,
        )

    def _build_read_out(self) -> ReadOut:
        """Fused head, or that of the only modality of an epoch."""
        several = len(self.layout_) > 1
        needed = self._min_modalities_for_fusion if several else 2
        return HeadSelector(needed, self._checked_weights())

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
        """Train, and keep the temperature that further training starts from."""
        if fresh and hasattr(self, "temperature_"):
            del self.temperature_
        super()._train(source, split, rng, fresh=fresh)
        with torch.no_grad():
            self.temperature_ = float(self.net_.criterion_.temperature)

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        super()._check_params()
        owner = self._name
        for name, options in _OPTIONS.items():
            check_option(name, getattr(self, name), options, owner=owner)
        for name in ("multi_view", "alignment", "warmup"):
            check_positive(name, getattr(self, name), owner=owner, zero=True)
        if self.temperature != "learnt":
            check_positive("temperature", self.temperature, owner=owner)
        check_fraction("modality_dropout", self.modality_dropout, owner=owner)
        check_count("sequence_length", self.sequence_length, owner=owner)
        if self.validate_every is not None:
            check_count("validate_every", self.validate_every, owner=owner)
        self._check_combinations()

    def _check_combinations(self) -> None:
        """Refuse parameters that do not go together."""
        if self.missing == "own_head" and not self.multi_view:
            msg = (
                f"missing='own_head' of {self._name} needs multi_view > 0, which "
                "teaches these heads. Got multi_view=0."
            )
            raise ValueError(msg)
        if self.unimodal_weights and not self.multi_view:
            msg = (
                f"The 'unimodal_weights' parameter of {self._name} needs multi_view > "
                "0, which trains the unimodal heads. "
                f"Got {self.unimodal_weights!r} and multi_view=0."
            )
            raise ValueError(msg)

    @property
    def _min_modalities_for_fusion(self) -> int:
        """Modalities that an epoch must have for the fused head to stage it."""
        own_heads = self.multi_view > 0 and self.missing != "fused_head"
        return 2 if own_heads else 1

    def _checked_weights(self) -> dict[str, float]:
        """Give the weights of own heads beside the fused one."""
        weights = {} if self.unimodal_weights is None else self.unimodal_weights
        if not isinstance(weights, Mapping) or set(weights) - set(self.layout_):
            msg = (
                f"The 'unimodal_weights' parameter of {self._name} must map "
                f"modalities, here {', '.join(self.layout_)}, to numbers. "
                f"Got {self.unimodal_weights!r} instead."
            )
            raise ValueError(msg)
        for name, weight in weights.items():
            label = f"unimodal_weights[{name!r}]"
            check_positive(label, weight, owner=self._name, zero=True)
        return dict(weights)
