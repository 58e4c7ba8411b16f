"""What every transformer of signals does with nights, and with plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sleepkit._typing import FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording import (
    EpochArray,
    Recording,
    Signal,
    as_epoch_array,
    is_epoch_like,
)
from sleepkit.signal import to_epochs
from sleepkit.utils import check_positive

DEFAULT_MODALITY = "eeg"
_SIGNAL_NDIM = 3  # epochs, channels, times


class SignalStep(ABC):
    """A step that changes each continuous signal on its own.

    Subclasses are frozen dataclasses at module level, so that results can be named
    after them; they say in `values` what becomes of samples.
    """

    @abstractmethod
    def values(self, modality: str, data: FloatArray, sfreq: float) -> FloatArray:
        """Change samples of shape (..., n_times) at ``sfreq`` hertz."""

    def signal(self, modality: str, signal: Signal, recording: Recording) -> Signal:
        """Change a signal; override where more than its samples changes."""
        sfreq = signal.sfreq or 0.0
        return signal.replace(data=self.values(modality, signal.data, sfreq))

    def __call__(self, recording: Recording) -> Recording:
        """Change every signal of a recording."""
        changed = {}
        for name, signal in recording.signals.items():
            require_continuous(name, signal, recording, owner=type(self).__name__)
            changed[name] = self.signal(name, signal, recording)
        return recording.with_signals(changed)


class EpochTransformer(TransformerMixin, BaseEstimator, ABC):
    """A transformer that takes nights and plain arrays, and keeps their rows.

    Subclasses give ``_transform_nights`` and ``_transform_array``, and may learn in
    ``_fit``.
    """

    _takes_signals_only: ClassVar[bool] = False  # of plain arrays

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the input, and learn what there is to learn.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            Nights, or epochs of shape (n_epochs, n_times) or (n_epochs, n_channels,
            ...).
        y : object, default=None
            Ignored.

        Returns
        -------
        object
            The transformer itself.
        """
        if is_epoch_like(X):
            self._fit(as_epoch_array(X), y)
        else:
            self._fit(self._check_array(X, reset=True), y)
        self.is_fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        """Transform an array now, and nights when somebody asks for their values.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            Nights, or epochs of shape (n_epochs, n_times) or (n_epochs, n_channels,
            ...).

        Returns
        -------
        EpochArray or ndarray
            Of nights an `EpochArray` of as many rows, computed when asked for; of an
            array an array with as many rows.
        """
        check_is_fitted(self)
        if is_epoch_like(X):
            return self._transform_nights(as_epoch_array(X))
        return self._transform_array(self._check_array(X, reset=False))

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Learn from validated input; by default there is nothing to learn."""

    @abstractmethod
    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Transform nights, computing nothing yet."""

    @abstractmethod
    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Transform a validated array; every row stands alone."""

    def _check_array(self, X: Any, *, reset: bool) -> FloatArray:
        """Validate a plain array; NaN stands for what is missing."""
        checked: FloatArray = validate_data(
            self,
            X,
            reset=reset,
            allow_nd=True,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        if self._takes_signals_only and checked.ndim > _SIGNAL_NDIM:
            msg = (
                f"{type(self).__name__} needs epochs of shape (n_epochs, n_times) or "
                f"(n_epochs, n_channels, n_times); got {checked.shape}."
            )
            raise ValueError(msg)
        return checked

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn what plain arrays may hold."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class RecordingTransformer(EpochTransformer):
    """A transformer that notes a step for nights; subclasses give ``_step``."""

    @abstractmethod
    def _step(self) -> Any:
        """Make the step for nights out of parameters and what was learnt."""

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Note the step."""
        return X.map(self._step())


class SignalTransformer(RecordingTransformer):
    """A transformer of continuous signals; arrays need ``sfreq``."""

    sfreq: float | None
    modalities: Mapping[str, Sequence[int]] | None
    _takes_signals_only = True

    @abstractmethod
    def _step(self) -> SignalStep:
        """Make the step out of the parameters."""

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Check the parameters by making the step; arrays also need a rate."""
        self._step()
        if not isinstance(X, EpochArray):
            self._array_sfreq()

    def _array_sfreq(self) -> float:
        """Give the sampling rate of plain arrays."""
        owner = type(self).__name__
        if self.sfreq is None:
            msg = (
                f"{owner} needs the 'sfreq' parameter (hertz) to work on plain arrays. "
                "Got None instead."
            )
            raise ValueError(msg)
        return check_positive("sfreq", self.sfreq, owner=owner)

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Transform each modality's channels, keeping their order."""
        step, sfreq = self._step(), self._array_sfreq()
        if X.ndim == 2:
            name, _ = next(iter(self._channels(1).items()))
            return step.values(name, X, sfreq)
        parts = {
            name: (where, step.values(name, X[:, where], sfreq))
            for name, where in self._channels(X.shape[1]).items()
        }
        first = next(iter(parts.values()))[1]
        result = np.empty((len(X), X.shape[1], *first.shape[2:]), first.dtype)
        for where, values in parts.values():
            result[:, where] = values
        return result

    def _channels(self, n_channels: int) -> dict[str, list[int]]:
        """Assign the channels of a plain array to modalities."""
        return assign_channels(self.modalities, n_channels, owner=type(self).__name__)


def require_continuous(
    name: str, signal: Signal, recording: Recording, *, owner: str
) -> None:
    """Refuse a signal that is epoched already."""
    if not signal.is_continuous:
        msg = (
            f"{owner.lstrip('_')} needs continuous signals, but {name!r} of recording "
            f"{recording.id!r} is epoched already (shape {signal.shape}); put it "
            "before the STFTEpocher."
        )
        raise RecordingError(msg)


def continuous_epochs(
    name: str, signal: Signal, recording: Recording, *, owner: str
) -> FloatArray:
    """Cut a continuous signal into epochs, shape (n_epochs, n_channels, n_times)."""
    require_continuous(name, signal, recording, owner=owner)
    return to_epochs(
        signal.data,
        signal.sfreq or 0.0,
        recording.epoch_duration,
        n_epochs=recording.n_epochs,
    )


def assign_channels(
    modalities: Mapping[str, Sequence[int]] | None, n_channels: int, *, owner: str
) -> dict[str, list[int]]:
    """Assign the channels of a plain array to modalities."""
    if modalities is None:
        return {DEFAULT_MODALITY: list(range(n_channels))}
    channels = {name: list(where) for name, where in modalities.items()}
    assigned = sorted(i for where in channels.values() for i in where)
    if assigned != list(range(n_channels)):
        msg = (
            f"The 'modalities' parameter of {owner} must assign each of the "
            f"{n_channels} channels once. Got {modalities!r} instead."
        )
        raise ValueError(msg)
    return channels
