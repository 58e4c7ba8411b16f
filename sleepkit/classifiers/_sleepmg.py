"""SleepMG: adversarial training across groups of subjects, modalities balanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit._typing import Array, FloatArray, IntArray, RandomState
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._split import Split
from sleepkit.nn import EncoderClass, SleepMGLoss, SleepMGNet, SleepMGOutput
from sleepkit.training import (
    EpochSource,
    ModalityBalance,
    ModalityDropout,
    TrainingStage,
)
from sleepkit.training._inference import ReadOut
from sleepkit.utils import check_count, check_fraction, check_option, check_positive


def read_stages(
    output: SleepMGOutput,
    present: dict[str, Tensor],  # noqa: ARG001 - the module left out what is missing
) -> Tensor:
    """Log-probabilities of the head of the stages."""
    return output.stage_logits.float().log_softmax(-1)


class SleepMGClassifier(TransformerMixin, SleepClassifier):
    """Stage single epochs of raw signals, for subjects of unseen groups too.

    Each modality has its own convolutional extractor, at its own sampling rate. One
    linear head classifies the stages and a second one, behind a gradient reversal,
    groups of subjects, so that the extractors become invariant to the group. In both
    heads the modalities are balanced during training. A missing modality contributes
    nothing.

    Parameters
    ----------
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; see `SleepClassifier`.
    encoder : class of torch.nn.Module, or mapping of str to such, default=None
        Extractor of a modality, or of some modalities by name, instead of
        `sleepkit.nn.FeatureNet` for signals and `sleepkit.nn.VectorNet` for features.
        See `sleepkit.nn.SleepMGNet`; a batch may hold a single row of a modality. A
        model file cannot hold a class.
    modality_specific : bool, default=True
        Whether each modality has an extractor of its own. Otherwise one reads every
        channel of all modalities, which then need one sampling rate.
    per_channel : bool, default=True
        Whether the channels of a modality are read one by one, with shared weights, so
        that a modality's features grow with its channels.
    epoch_duration : float, default=None
        Length of an epoch in seconds. With it, kernels scale with the sampling rate of
        a modality, so as to last what they last at 100 Hz; None counts them in samples,
        as published.
    dropout : float, default=0.5
        Dropout of the extractors.
    fusion : {'concat', 'attention'}, default='concat'
        How the features of the modalities are fused: side by side, or by
        self-attention. The latter cannot be balanced, and needs ``balance=()``.
    adversarial : float, default=0.1
        Strength of the reversed gradient; `sleepkit.training.ReversalSchedule` lets it
        rise. With 0 the domain head is trained, but no gradient from it reaches the
        extractors.
    domains : {'group', 'subject'}, default='group'
        Domains of the adversarial head: `n_domains` groups that the training subjects
        are drawn into, as equal in number as can be, or the subjects. Predictions need
        neither.
    n_domains : int, default=5
        Groups of the training subjects. Fewer subjects are a group each, and with one
        subject there are no domains. The paper cuts all subjects into five and trains
        on four, which is ``n_domains=4``.
    balance : sequence of {'extractor', 'classifier', 'discriminator'}, \
default=('classifier', 'discriminator')
        Where `sleepkit.training.ModalityBalance` balances the modalities, its
        `targets`; an empty sequence is NaiveMG. For its other options leave this empty
        and give one as `callbacks`.
    modality_dropout : float, default=0.0
        Probability that a modality of an epoch is hidden in training, so that the heads
        do not rely on all of them; the last one never is. See
        `sleepkit.training.ModalityDropout`.
    class_weight : "balanced" or mapping of class to float, default=None
        Weight of each class in the loss; None weighs all rows alike.
    lr : float, default=1e-3
        Learning rate of Adam.
    weight_decay : float, default=0.0
        Weight of the squared weights in Adam's gradient.
    batch_size : int, default=256
        Epochs in a batch.
    max_epochs : int, default=50
        Passes over the training rows at most.
    validation_fraction : float, default=0.2
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
        The skorch net, on the CPU, with the history of the last training: of each
        epoch losses, ``valid_accuracy``, and the measures of `ModalityBalance`.
    n_features_in_ : int
        Size of the second axis of X, where X was a plain array.
    n_domains_ : int
        Number of domains in training; 0 where fewer than two subjects are known.
        Training that continues draws its subjects into as many.

    See Also
    --------
    sleepkit.nn.SleepMGNet : The module, with the references.
    sleepkit.training.ModalityBalance : The balancing, for any `BlockwiseHeads`.
    MedFuseSleepClassifier : A method for spectra, and for missing modalities.

    Notes
    -----
    Adam has betas of 0.5 and 0.999, as in the paper. With two modalities the paper's
    balancing changes nothing: see `sleepkit.metrics.balance_coefficients`. Domains are
    drawn among the training subjects, without those held out.

    Plain parameters make the rows of the paper's ablations:

    =====  ====================  =======================================================
    table  row                   parameters
    =====  ====================  =======================================================
    2      neither M nor G       ``modality_specific=False, adversarial=0, balance=()``
    2      G(eneralizable)       ``modality_specific=False, balance=()``
    2      M(ultimodal)          ``adversarial=0, balance=()``
    2      M and G               ``balance=()``: NaiveMG
    3      direct concatenation  ``adversarial=0, balance=()``
    3      self-attention        ``fusion="attention", adversarial=0, balance=()``
    3      balance               ``adversarial=0, balance=["classifier"]``
    4      nothing               ``balance=()``: NaiveMG
    4      extractors            ``balance=["extractor"]``
    4      classifier            ``balance=["classifier"]``
    4      discriminator         ``balance=["discriminator"]``
    4      both heads            the defaults: SleepMG
    =====  ====================  =======================================================

    OGM-GE is ``adversarial=0, balance=()`` with
    ``callbacks=[sleepkit.training.OnTheFlyModulation()]``.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import SleepMGClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["N3", "W"], 40)
    >>> X = rng.normal(size=(80, 1, 400)) * np.where(y == "N3", 9, 1)[:, None, None]
    >>> stager = SleepMGClassifier(max_epochs=4, batch_size=16, random_state=0)
    >>> stager.fit(X, y).score(X, y) > 0.9
    True
    """

    _accepts: ClassVar[Mapping[int, str]] = {
        2: "signals (n_channels, n_times)",
        1: "features",
    }

    n_domains_: int

    def __init__(
        self,
        modalities: Mapping[str, Sequence[int]] | None = None,
        *,
        encoder: EncoderClass | Mapping[str, EncoderClass] | None = None,
        modality_specific: bool = True,
        per_channel: bool = True,
        epoch_duration: float | None = None,
        dropout: float = 0.5,
        fusion: Literal["concat", "attention"] = "concat",
        adversarial: float = 0.1,
        domains: Literal["group", "subject"] = "group",
        n_domains: int = 5,
        balance: Sequence[str] = ("classifier", "discriminator"),
        modality_dropout: float = 0.0,
        class_weight: str | Mapping[Any, float] | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 256,
        max_epochs: int = 50,
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
        self.encoder = encoder
        self.modality_specific = modality_specific
        self.per_channel = per_channel
        self.epoch_duration = epoch_duration
        self.dropout = dropout
        self.fusion = fusion
        self.adversarial = adversarial
        self.domains = domains
        self.n_domains = n_domains
        self.balance = balance
        self.modality_dropout = modality_dropout
        self.class_weight = class_weight
        self.lr = lr
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
        check_positive("adversarial", self.adversarial, owner=owner, zero=True)
        check_option("domains", self.domains, ["group", "subject"], owner=owner)
        check_count("n_domains", self.n_domains, owner=owner, minimum=2)
        check_option("fusion", self.fusion, ["concat", "attention"], owner=owner)
        check_fraction("modality_dropout", self.modality_dropout, owner=owner)
        for target in self.balance:
            options = ["extractor", "classifier", "discriminator"]
            check_option("balance", target, options, owner=owner)

    def _check_axes(self, layout: Mapping[str, tuple[int, ...]]) -> None:
        """Leave the input of the user's own encoders to them."""
        if isinstance(self.encoder, Mapping):
            layout = {n: shape for n, shape in layout.items() if n not in self.encoder}
        if self.encoder is None or isinstance(self.encoder, Mapping):
            super()._check_axes(layout)

    def _build_module(self) -> nn.Module:
        """Net of the parameters."""
        return SleepMGNet(
            self.layout_,
            len(self.classes_),
            self.n_domains_,
            encoder=self.encoder,
            modality_specific=self.modality_specific,
            per_channel=self.per_channel,
            epoch_duration=self.epoch_duration,
            fusion=self.fusion,
            adversarial=self.adversarial,
            dropout=self.dropout,
        )

    def _build_loss(self, class_weight: Tensor | None) -> nn.Module:
        """Sum of the losses of both heads."""
        return SleepMGLoss(class_weight)

    def _build_read_out(self) -> ReadOut:
        """Log-probabilities of the head of the stages."""
        return read_stages

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, with the paper's betas of Adam."""
        stage = self._stage(
            source,
            optimizer_params={"betas": (0.5, 0.999)},
            callbacks=self._modality_callbacks,
        )
        return [stage]

    def _modality_callbacks(self, n_steps: int) -> list[Callback]:
        """Make the callbacks that hide modalities, and that balance them."""
        callbacks: list[Callback] = []
        if self.modality_dropout:
            callbacks.append(ModalityDropout(self.modality_dropout))
        if len(self.balance):
            callbacks.append(ModalityBalance(self.balance))
        return callbacks

    def _extra_targets(
        self, split: Split, rng: np.random.Generator, *, fresh: bool
    ) -> dict[str, IntArray]:
        """Domain of each training row: groups of its subjects, or the subjects."""
        subjects = np.array([])
        if split.subject is not None:
            subjects = np.unique(split.subject[split.train])
        n_subjects = len(subjects)
        if fresh:
            wanted = self.n_domains if self.domains == "group" else n_subjects
            self.n_domains_ = min(wanted, n_subjects) if n_subjects > 1 else 0
        domains = np.full(len(split.y), -1)
        if self.n_domains_ and split.subject is not None:
            group_of = rng.permutation(n_subjects) % self.n_domains_
            of = np.searchsorted(subjects, split.subject[split.train])
            domains[split.train] = group_of[of]
        return {"domains": domains}

    def transform(self, X: Any) -> FloatArray:
        """Compute the fused features: the input of the head of the stages.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            The features, modality by modality, 0 where one is missing;
            `get_feature_names_out` names them.

        Raises
        ------
        ValueError
            As `predict_proba` does.
        """
        check_is_fitted(self, "net_")
        widths = self._net.fuse.widths
        return self._features(X, lambda output: output.features, widths)

    def modality_features(self, X: Any) -> dict[str, FloatArray]:
        """Compute the features of each modality alone, before the fusion.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        dict of str to ndarray of shape (n_rows, n_features)
            The features of each modality, 0 where it is missing. With
            ``fusion="concat"``, `transform` has the same side by side.

        Raises
        ------
        ValueError
            As `predict_proba` does.
        """
        check_is_fitted(self, "net_")
        widths = self._net.extractors.widths
        features = self._features(
            X, lambda output: torch.cat(list(output.extracted.values()), dim=1), widths
        )
        edges = np.cumsum(list(widths.values()))[:-1]
        return dict(zip(widths, np.split(features, edges, axis=1), strict=True))

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the columns of `transform`: ``"eeg_0"``, ``"eeg_1"`` and so on.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        ndarray of str objects
            The names.
        """
        check_is_fitted(self, "net_")
        widths = self._net.fuse.widths
        names = [f"{name}_{i}" for name, width in widths.items() for i in range(width)]
        return np.asarray(names, dtype=object)

    @property
    def _net(self) -> SleepMGNet:
        """The trained module."""
        return cast("SleepMGNet", self.module_)

    def _features(
        self,
        X: Any,
        pick: Callable[[SleepMGOutput], Tensor],
        widths: Mapping[str, int],
    ) -> FloatArray:
        """Features of all rows, 0 where there is no signal."""
        n_features = sum(widths.values())
        features, no_signal = self._infer(X, lambda output, _: pick(output), n_features)
        if no_signal.any():
            self._warn_no_signal(X, no_signal, "features of 0")
            features[no_signal] = 0
        return features
