"""What the scalers share: statistics of nights or of the training rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.preprocessing._base import RecordingTransformer
from sleepkit.preprocessing._scaling import Scaling, measure, pool, stack
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.utils import check_option


@dataclass(frozen=True)
class ScaleStep(ABC):
    """Scale every signal of a recording, by its own statistics where none are given.

    Values are seen as ``(n_epochs, n_channels, ...)``, and measured along the axes of
    epochs and of times or frames.
    """

    robust: bool
    scaling: Mapping[str, Scaling] | None = None

    @abstractmethod
    def block(self, name: str, signal: Signal, recording: Recording) -> FloatArray:
        """Cut a signal into epochs, or refuse it."""

    @abstractmethod
    def scale(self, signal: Signal, scaling: Scaling) -> Signal:
        """Scale one signal."""

    def measure(self, recording: Recording, epochs: IntArray) -> dict[str, Scaling]:
        """Measure the valid ones among some epochs of each signal."""
        measured = {}
        for name, signal in recording.signals.items():
            block = self.block(name, signal, recording)
            valid = epochs if signal.valid is None else epochs[signal.valid[epochs]]
            if valid.size:
                chosen = block[valid]
                measured[name] = measure(chosen, axes_of(chosen), robust=self.robust)
        return measured

    def __call__(self, recording: Recording) -> Recording:
        """Scale the signals; one without a single valid epoch stays as it is."""
        scaling = self.scaling
        if scaling is None:
            scaling = self.measure(recording, np.arange(recording.n_epochs))
        return recording.with_signals(
            {
                name: self.scale(signal, scaling[name]) if name in scaling else signal
                for name, signal in recording.signals.items()
            }
        )


class Scaler(RecordingTransformer):
    """A transformer that centres and scales; subclasses say what their values are."""

    per: str
    scaling_: dict[str, Scaling] | Scaling
    _robust: ClassVar[bool] = False

    @abstractmethod
    def _make_step(self, scaling: Mapping[str, Scaling] | None) -> ScaleStep:
        """Make the step for nights."""

    @abstractmethod
    def _block(self, X: FloatArray) -> FloatArray:
        """See a plain array as (n_epochs, n_channels, ...) or as features."""

    def _is_robust(self) -> bool:
        """Whether the statistics are median and interquartile range."""
        return self._robust

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Measure the training rows, one night after the other, if asked to."""
        owner = type(self).__name__
        check_option("per", self.per, ["recording", "training"], owner=owner)
        if isinstance(X, EpochArray):
            if self.per == "training":
                self.scaling_ = self._measure_nights(X)
            return
        block = self._block(X)
        if self.per == "training":
            self.scaling_ = pool(self._measure_rows(block), robust=self._is_robust())

    def _measure_nights(self, X: EpochArray) -> dict[str, Scaling]:
        """Measure the training rows of each night, computing it once, and pool."""
        nights: dict[str, list[Scaling]] = {}
        step = self._make_step(None)
        for recording, _, epochs in X[X.train_mask].by_recording():
            for name, scaling in step.measure(recording, epochs).items():
                nights.setdefault(name, []).append(scaling)
        if not nights:
            msg = (
                f"{type(self).__name__} needs rows to fit on; of {len(X)} rows "
                f"{X.train_mask.sum()} are for training, and none of these is valid."
            )
            raise ValueError(msg)
        for name, measured in nights.items():
            shapes = sorted({scaling.center.shape for scaling in measured})
            if len(shapes) > 1:
                msg = (
                    f"{type(self).__name__} needs the same channels and bins of "
                    f"{name!r} in all recordings; got the shapes {shapes}."
                )
                raise ValueError(msg)
        robust = self._is_robust()
        return {name: pool(stack(n), robust=robust) for name, n in nights.items()}

    def _measure_rows(self, block: FloatArray) -> Scaling:
        """Measure each row of a plain array as if it were a night."""
        return measure(block, axes_of(block)[1:], robust=self._is_robust())

    def _step(self) -> ScaleStep:
        """Make the step out of what was learnt."""
        if self.per == "recording":
            return self._make_step(None)
        return self._make_step(self._scaling_of_nights())

    def _scaling_of_nights(self) -> dict[str, Scaling]:
        """Give what was learnt of each modality: nothing, from a plain array."""
        return self.scaling_ if isinstance(self.scaling_, dict) else {}

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Note the step, after a look at the modalities."""
        if self.per == "training":
            known = self._scaling_of_nights()
            unknown = [name for name in X.modalities if name not in known]
            if unknown:
                msg = (
                    f"{type(self).__name__} was fitted on "
                    f"{list(known) or 'a plain array'}, and cannot scale {unknown}."
                )
                raise ValueError(msg)
        return super()._transform_nights(X)

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Scale a plain array."""
        block = self._block(X)
        if self.per == "recording":
            rows, axes = self._measure_rows(block), axes_of(block)[1:]
            return rows.apply(block, axes).reshape(X.shape)
        if isinstance(self.scaling_, dict):
            msg = (
                f"{type(self).__name__} was fitted on nights with "
                f"{list(self.scaling_)}, and cannot scale a plain array."
            )
            raise ValueError(msg)
        return self.scaling_.apply(block, axes_of(block)).reshape(X.shape)


def axes_of(block: FloatArray) -> tuple[int, ...]:
    """Say along which axes a block is measured: epochs, and times or frames."""
    return (0,) if block.ndim == 2 else (0, 2)
