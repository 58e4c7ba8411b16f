"""The half of a stager that trains: from checked rows to a skorch net at rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from torch import Tensor, nn

from sleepkit._typing import Array, FloatArray, IntArray, RandomState
from sleepkit.classifiers._inputs import (
    check_axes,
    check_callbacks,
    check_layout,
    check_rows_and_targets,
)
from sleepkit.classifiers._targets import (
    Task,
    encode,
    make_task,
    spread,
    subjects_of,
    weigh_classes,
)
from sleepkit.exceptions import SleepkitError
from sleepkit.recording import EpochArray
from sleepkit.training import (
    Batches,
    Epochs,
    ProgressBar,
    ReadOut,
    Rounds,
    RowEpochs,
    StagingNet,
    find_device,
    open_nights,
    seeded,
    threads,
)
from sleepkit.utils import (
    check_count,
    check_fraction,
    check_option,
    check_positive,
    check_random_state,
)

_SEED_BOUND = 2**63
_PRECISIONS = ("auto", "float32", "bfloat16")


class Trainer(BaseEstimator, ABC):
    """Parameters that all stagers have, what each must say of itself, and training."""

    modalities: Mapping[str, Sequence[int]] | None
    class_weight: str | Mapping[Any, float] | None
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    validation_fraction: float
    patience: int
    validate_every: int | None = None  # where it is no parameter: after each pass
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

    _adam: ClassVar[dict[str, Any]] = {}
    _takes: ClassVar[Mapping[int, str]]  # numbers of axes of an epoch, in words

    @abstractmethod
    def _module_factory(self) -> Callable[[], nn.Module]:
        """Give what makes the untrained module, from parameters and what was seen."""

    @abstractmethod
    def _criterion(self, class_weight: Tensor | None) -> nn.Module:
        """Make the loss."""

    @property
    @abstractmethod
    def _read_out(self) -> ReadOut:
        """What turns the output of the module into log-probabilities."""

    @abstractmethod
    def _blocks(self, X: Array) -> dict[str, Array]:
        """Take the modalities out of a plain array."""

    def _sequences(self, epochs: Epochs) -> tuple[int | None, int]:
        """Give length and stride of sequences; no length means epochs alone."""
        return None, 1

    def _check_axes(self, layout: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse epochs of a kind that the method does not read."""
        check_axes(layout, self._takes, owner=self._name)

    def _domains(
        self, task: Task, rng: np.random.Generator, *, fresh: bool
    ) -> IntArray:
        """Give each row the number of its domain; -1 where none is to be learnt."""
        return np.full(len(task.codes), -1)

    def _own_callbacks(self, n_steps: int) -> list[Callback]:
        """Make the callbacks that belong to the method."""
        return []

    @property
    def _name(self) -> str:
        """Name of the class, for messages."""
        return type(self).__name__

    def _build_module(self) -> nn.Module:
        """Make the untrained module."""
        return self._module_factory()()

    def _open(self, X: EpochArray | Array) -> AbstractContextManager[Epochs]:
        """Compute nights once, or take the modalities of a plain array as they are."""
        if isinstance(X, EpochArray):
            return open_nights(X, self.max_ram, verbose=self.verbose)
        return nullcontext(RowEpochs(self._blocks(X)))

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        for name in ("batch_size", "max_epochs", "patience"):
            check_count(name, getattr(self, name), owner=self._name)
        for name in ("lr", "max_ram"):
            check_positive(name, getattr(self, name), owner=self._name)
        if self.n_threads is not None:
            check_count("n_threads", self.n_threads, owner=self._name)
        check_positive("weight_decay", self.weight_decay, owner=self._name, zero=True)
        check_option("precision", self.precision, _PRECISIONS, owner=self._name)
        find_device(self.device)
        check_callbacks(self.callbacks, owner=self._name)
        fraction = self.validation_fraction
        check_fraction("validation_fraction", fraction, owner=self._name)

    def _fit(self, X: Any, y: Any, groups: Any, classes: Any, *, fresh: bool) -> Self:
        """Learn, from scratch or further."""
        self._check_params()
        if fresh and hasattr(self, "net_"):  # a fit that fails leaves nothing half new
            del self.net_
        X, y = check_rows_and_targets(self, X, y, fresh=fresh)
        subject = subjects_of(X, groups)
        mask = X.train_mask if isinstance(X, EpochArray) else np.ones(len(y), np.bool_)
        check_classification_targets(y)
        if fresh:
            self.classes_ = unique_labels(y if classes is None else classes)
        codes = encode(y, self.classes_, owner=self._name)
        rng = check_random_state(self.random_state)
        with self._open(X) as epochs:
            if fresh:
                self._check_axes(epochs.layout)
                self.layout_ = dict(epochs.layout)
            check_layout(epochs.layout, self.layout_, owner=self._name)
            fraction = self.validation_fraction
            task = make_task(
                epochs, codes, subject, mask, fraction, rng, owner=self._name
            )
            self._train(epochs, task, rng, fresh=fresh)
        return self

    def _train(
        self, epochs: Epochs, task: Task, rng: np.random.Generator, *, fresh: bool
    ) -> None:
        """Train a net, or train it further, and keep it where it can be pickled."""
        train, valid = self._batches(epochs, task, rng, fresh=fresh)
        n_steps, n_rounds = len(train) * self.max_epochs, self.max_epochs
        data: Batches | Rounds = train
        if self.validate_every is not None:
            data = Rounds(train, self.max_epochs, self.validate_every)
            n_rounds = data.n_rounds
        net = self._make_net(task, n_steps, n_rounds, validated=valid is not None)
        seed = int(rng.integers(_SEED_BOUND))
        with threads(self.n_threads), seeded(seed, torch.device(net.device)):
            net.initialize()
            if not fresh:
                self._hand_over(net.module_)
            net.partial_fit((data, valid))
        net.rest()
        if not all(p.isfinite().all() for p in net.module_.parameters()):
            msg = f"The training of {self._name} diverged; try a smaller lr."
            raise SleepkitError(msg)
        self.net_ = net
        share = np.bincount(task.codes[task.learnt], minlength=len(self.classes_))
        self.class_prior_ = share / share.sum()

    def _batches(
        self, epochs: Epochs, task: Task, rng: np.random.Generator, *, fresh: bool
    ) -> tuple[Batches, Batches | None]:
        """Lay out the rows that are learnt, and those of the inner validation."""
        domains = self._domains(task, rng, fresh=fresh)
        length, _ = self._sequences(epochs)
        train, valid = (
            Batches(
                epochs,
                spread(epochs, rows, task.codes),
                spread(epochs, rows, domains),
                self.batch_size,
                length,
                shuffle,
            )
            for rows, shuffle in ((task.learnt, rng), (task.held, None))
        )
        return train, valid if task.held.any() else None

    def _hand_over(self, module: nn.Module) -> None:
        """Give a new module the weights that were learnt."""
        try:
            module.load_state_dict(self.net_.module_.state_dict())
        except RuntimeError as error:
            msg = (
                f"The parameters of {self._name} make another net than the one it "
                "was fitted with; put them back, or fit anew with warm_start=False."
            )
            raise ValueError(msg) from error

    def _make_net(
        self, task: Task, n_steps: int, n_rounds: int, *, validated: bool
    ) -> StagingNet:
        """Put module, loss, optimiser and callbacks together."""
        learnt = self.classes_[task.codes[task.learnt]]
        weights = weigh_classes(self.class_weight, self.classes_, learnt)
        callbacks: list[Any] = [*self._own_callbacks(n_steps)]
        if validated:
            accuracy = EpochScoring(
                "accuracy", name="valid_accuracy", lower_is_better=False
            )
            callbacks.append(("valid_accuracy", accuracy))
        if self.verbose:
            callbacks.append(ProgressBar())
        callbacks += clone(list(self.callbacks or []), safe=False)
        if validated:  # last, so that the best weights win over what others put back
            stopping = EarlyStopping(
                patience=self.patience, threshold=0, load_best=True
            )
            callbacks.append(("best_weights", stopping))
        return StagingNet(
            self._module_factory(),
            self._criterion(None if weights is None else torch.from_numpy(weights)),
            self._read_out,
            "bfloat16" if self.precision == "bfloat16" else "float32",
            optimizer=torch.optim.Adam,
            optimizer__fused=True,  # small nets spend a tenth of their time in it else
            optimizer__weight_decay=self.weight_decay,
            **{f"optimizer__{name}": value for name, value in self._adam.items()},
            lr=self.lr,
            max_epochs=n_rounds,
            callbacks=callbacks,
            callbacks__print_log=None,
            verbose=0,
            device=str(find_device(self.device)),
        )
