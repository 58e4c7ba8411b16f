"""What the scalers share: statistics of recordings or of training rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.preprocessing._base import RecordingTransformer
from sleepkit.preprocessing._scaling import Scaling, measure, pool, stack
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.utils import check_option


class Scaler(RecordingTransformer):
    """Base of transformers that subtract a centre and divide by a scale.

    Statistics are taken of epochs of shape ``(n_epochs, n_channels, ...)``, along the
    axes of epochs and of times or frames.
    """

    per: str
    scaling_: Mapping[str, Scaling] | Scaling
    _robust: ClassVar[bool] = False
    _fitted_state = ("scaling_",)

    @abstractmethod
    def _signal_epochs(
        self, name: str, signal: Signal, recording: Recording
    ) -> FloatArray:
        """Cut a signal into epochs, or refuse it."""

    @abstractmethod
    def _array_epochs(self, X: FloatArray) -> FloatArray:
        """View a plain array as (n_epochs, n_channels, ...) or as features."""

    @abstractmethod
    def _scale_signal(self, signal: Signal, scaling: Scaling) -> Signal:
        """Scale one signal."""

    def _is_robust(self) -> bool:
        """Whether the statistics are median and interquartile range."""
        return self._robust

    def _check_parameters(self) -> None:
        """Check what is scaled by."""
        options = ["recording", "training"]
        check_option("per", self.per, options, owner=type(self).__name__)

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Measure the training rows, one recording after the other, if needed."""
        super()._fit(X, y)
        self.__dict__.pop("scaling_", None)  # of an earlier fit
        if isinstance(X, EpochArray):
            if self.per == "training":
                self.scaling_ = self._measure_training_rows(X)
            return
        epochs = self._array_epochs(X)
        if self.per == "training":
            self.scaling_ = pool(self._measure_rows(epochs), robust=self._is_robust())

    def _measure_training_rows(self, X: EpochArray) -> dict[str, Scaling]:
        """Measure the training rows of each recording, computing it once, and pool."""
        measured: dict[str, list[Scaling]] = {}
        for recording, _, epochs in X[X.train_mask].by_recording():
            for name, scaling in self._measure(recording, epochs).items():
                measured.setdefault(name, []).append(scaling)
        if not measured:
            msg = (
                f"{type(self).__name__} needs rows to fit on; of {len(X)} rows "
                f"{X.train_mask.sum()} are for training, and none of these is valid."
            )
            raise ValueError(msg)
        for name, scalings in measured.items():
            shapes = sorted({scaling.center.shape for scaling in scalings})
            if len(shapes) > 1:
                msg = (
                    f"{type(self).__name__} needs the same channels and bins of "
                    f"{name!r} in all recordings; got the shapes {shapes}."
                )
                raise ValueError(msg)
        robust = self._is_robust()
        return {n: pool(stack(measured[n]), robust=robust) for n in sorted(measured)}

    def _measure(self, recording: Recording, epochs: IntArray) -> dict[str, Scaling]:
        """Measure the valid ones among some epochs of each signal."""
        measured = {}
        for name, signal in recording.signals.items():
            values = self._signal_epochs(name, signal, recording)
            valid = epochs if signal.valid is None else epochs[signal.valid[epochs]]
            if valid.size:
                robust, axes = self._is_robust(), axes_of(values)
                measured[name] = self._night_statistics.measure(
                    name, values, valid, axes, robust=robust
                )
        return measured

    def _measure_rows(self, epochs: FloatArray) -> Scaling:
        """Measure each row of a plain array as if it were a recording."""
        return measure(epochs, axes_of(epochs)[1:], robust=self._is_robust())

    def _training_scaling(self) -> Mapping[str, Scaling]:
        """Return the scaling of each modality; none if fitted on a plain array."""
        return self.scaling_ if isinstance(self.scaling_, Mapping) else {}

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Add the step, if `fit` has seen the modalities."""
        if self.per == "training":
            known = self._training_scaling()
            unknown = [name for name in X.modalities if name not in known]
            if unknown:
                msg = (
                    f"{type(self).__name__} was fitted on "
                    f"{list(known) or 'a plain array'}, and cannot scale {unknown}."
                )
                raise ValueError(msg)
        return super()._transform_nights(X)

    def _transform_recording(self, recording: Recording) -> Recording:
        """Scale the signals; one without a single valid epoch stays as it is."""
        if self.per == "recording":
            scaling: Mapping[str, Scaling] = self._measure(
                recording, np.arange(recording.n_epochs)
            )
        else:
            scaling = self._training_scaling()
        return recording.with_signals(
            {
                name: self._scale_signal(signal, scaling[name])
                if name in scaling
                else signal
                for name, signal in recording.signals.items()
            }
        )

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Scale a plain array."""
        epochs = self._array_epochs(X)
        if self.per == "recording":
            rows, axes = self._measure_rows(epochs), axes_of(epochs)[1:]
            return rows.apply(epochs, axes).reshape(X.shape)
        if isinstance(self.scaling_, Mapping):
            msg = (
                f"{type(self).__name__} was fitted on recordings with "
                f"{list(self.scaling_)}, and cannot scale a plain array."
            )
            raise ValueError(msg)
        return self.scaling_.apply(epochs, axes_of(epochs)).reshape(X.shape)


def axes_of(epochs: FloatArray) -> tuple[int, ...]:
    """Return the axes that statistics are taken along: epochs, and times or frames."""
    return (0,) if epochs.ndim == 2 else (0, 2)
