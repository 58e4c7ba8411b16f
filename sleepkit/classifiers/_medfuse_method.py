"""The half of MedFuseSleep that trains: its net, its loss, what it reads out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit._typing import Array
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._criteria import MedFuseLoss, ViewChoice
from sleepkit.classifiers._targets import Task
from sleepkit.nn import EarlyFusionNet, MedFuseNet, MidLateFusionNet
from sleepkit.recording import split_modalities
from sleepkit.training import (
    CosineSchedule,
    Epochs,
    ModalityDropout,
    ReadOut,
    RestartSchedule,
    RowEpochs,
)
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
_FIRST_TEMPERATURE: Final = 0.1  # of one that is learnt


class MedFuseMethod(SleepClassifier):
    """What `MedFuseSleepClassifier` makes of its parameters."""

    fusion: Literal["coordinated", "early", "mid-late"]
    sequence_length: int
    stride: int | None
    d_model: int
    n_heads: int
    n_layers: int
    dim_feedforward: int
    dropout: float
    max_relative_distance: int
    d_head: int
    multi_view: float
    alignment: float
    temperature: float | Literal["learnt"]
    negatives: Literal["sequence", "batch"]
    missing: Literal["auto", "own_head", "fused_head"]
    own_weights: Mapping[str, float] | None
    modality_dropout: float
    schedule: Literal["cosine", "released", "constant"]
    warmup: float

    temperature_: float

    _adam: ClassVar[dict[str, Any]] = {"eps": 1e-7}
    _takes: ClassVar[Mapping[int, str]] = {
        3: "spectra (n_channels, n_frames, n_bins), see STFTEpocher,",
        1: "features",
    }

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
        for name in ("stride", "validate_every"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), owner=owner)
        self._check_combinations()

    def _check_combinations(self) -> None:
        """Refuse parameters that do not go together."""
        if (self.stride or 1) > self.sequence_length:
            msg = (
                f"The 'stride' parameter of {self._name} must be at most "
                f"sequence_length = {self.sequence_length}. Got {self.stride}."
            )
            raise ValueError(msg)
        if self.missing == "own_head" and not self.multi_view:
            msg = (
                f"missing='own_head' of {self._name} needs multi_view > 0, which "
                "teaches these heads. Got multi_view=0."
            )
            raise ValueError(msg)
        if self.own_weights and not self.multi_view:
            msg = (
                f"The 'own_weights' parameter of {self._name} needs multi_view > 0, "
                f"which teaches own heads. Got {self.own_weights!r} and multi_view=0."
            )
            raise ValueError(msg)

    @property
    def _fused_from(self) -> int:
        """Modalities that an epoch must have for the fused head to stage it."""
        own_heads = self.multi_view > 0 and self.missing != "fused_head"
        return 2 if own_heads else 1

    def _module_factory(self) -> Callable[[], nn.Module]:
        """Give what makes the net."""
        return partial(
            _FUSIONS[self.fusion],
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

    def _criterion(self, class_weight: Tensor | None) -> nn.Module:
        """Make the sum of three losses."""
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
            fused_from=self._fused_from,
        )

    def _train(
        self, epochs: Epochs, task: Task, rng: np.random.Generator, *, fresh: bool
    ) -> None:
        """Train, and note the temperature that a further training starts from."""
        if fresh and hasattr(self, "temperature_"):
            del self.temperature_
        super()._train(epochs, task, rng, fresh=fresh)
        with torch.no_grad():
            self.temperature_ = float(self.net_.criterion_.temperature)

    @property
    def _read_out(self) -> ReadOut:
        """The fused view, or the only modality's own."""
        several = len(self.layout_) > 1
        return ViewChoice(self._fused_from if several else 2, self._checked_weights())

    def _checked_weights(self) -> dict[str, float]:
        """Give the weights of own heads beside the fused one."""
        weights = {} if self.own_weights is None else self.own_weights
        if not isinstance(weights, Mapping) or set(weights) - set(self.layout_):
            msg = (
                f"The 'own_weights' parameter of {self._name} must map modalities, "
                f"here {', '.join(self.layout_)}, to numbers. "
                f"Got {self.own_weights!r} instead."
            )
            raise ValueError(msg)
        for name, weight in weights.items():
            label = f"own_weights[{name!r}]"
            check_positive(label, weight, owner=self._name, zero=True)
        return dict(weights)

    def _own_callbacks(self, n_steps: int) -> list[Callback]:
        """Change the learning rate, and leave modalities out."""
        callbacks: list[Callback] = []
        if self.schedule == "cosine":
            callbacks.append(CosineSchedule(n_steps, self.warmup))
        elif self.schedule == "released":
            callbacks.append(RestartSchedule())
        if self.modality_dropout:
            callbacks.append(ModalityDropout(self.modality_dropout))
        return callbacks

    def _sequences(self, epochs: Epochs) -> tuple[int, int]:
        """Give length and stride; the rows of an array stand alone."""
        if isinstance(epochs, RowEpochs):
            return 1, 1
        return self.sequence_length, self.stride or max(1, self.sequence_length // 4)

    def _blocks(self, X: Array) -> dict[str, Array]:
        """Take features (of all channels of a modality), or spectra."""
        blocks = split_modalities(X, self.modalities, owner=self._name)
        if X.ndim == 3:
            return {name: block.reshape(len(X), -1) for name, block in blocks.items()}
        return blocks
