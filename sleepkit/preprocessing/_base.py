"""What transformers share: input checks, and steps for recordings."""

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
from sleepkit.preprocessing._apply import Apply
from sleepkit.preprocessing._night_statistics import NightStatistics
from sleepkit.recording import (
    EpochArray,
    Recording,
    Signal,
    as_epoch_array,
    assign_channels,
    is_epoch_like,
)
from sleepkit.signal import to_epochs
from sleepkit.utils import DocumentationLinkMixin, check_positive

_SIGNAL_NDIM = 3  # epochs, channels, times


class EpochTransformer(DocumentationLinkMixin, TransformerMixin, BaseEstimator, ABC):
    """Base of transformers that take recordings or plain arrays, and keep all rows.

    Subclasses define ``_transform_nights`` and ``_transform_array``, and check their
    parameters in ``_fit``.
    """

    _takes_signals_only: ClassVar[bool] = False  # of plain arrays

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check parameters and input, and estimate what the transformer needs.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            Recordings, or epochs of shape (n_epochs, n_times) or (n_epochs, n_channels,
            ...).
        y : object, default=None
            Ignored.

        Returns
        -------
        object
            The fitted transformer.
        """
        if is_epoch_like(X):
            self._fit(as_epoch_array(X), y)
        else:
            self._fit(self._check_array(X, reset=True), y)
        self.is_fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        """Transform arrays at once, and recordings lazily.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            Recordings, or epochs of shape (n_epochs, n_times) or (n_epochs, n_channels,
            ...).

        Returns
        -------
        EpochArray or ndarray
            As many rows as `X` has. Values of an `EpochArray` are computed when they
            are read, with the parameters that the transformer has now.
        """
        check_is_fitted(self)
        if is_epoch_like(X):
            return self._transform_nights(as_epoch_array(X))
        return self._transform_array(self._check_array(X, reset=False))

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Fit to validated input; stateless transformers only check parameters."""

    @abstractmethod
    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Transform recordings, without computing yet."""

    @abstractmethod
    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Transform a validated array, each row by itself."""

    def _check_array(self, X: Any, *, reset: bool) -> FloatArray:
        """Validate a plain array; NaN stands for missing values."""
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

    def _check_positive(self, name: str, *, zero: bool = False) -> float:
        """Require a parameter to be a positive number."""
        owner = type(self).__name__
        return check_positive(name, getattr(self, name), owner=owner, zero=zero)

    def __sklearn_tags__(self) -> Tags:
        """Declare which plain arrays are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class RecordingTransformer(EpochTransformer):
    """Base of transformers that compute each recording by itself."""

    # Fitted attributes that the values of a recording depend on.
    _fitted_state: ClassVar[tuple[str, ...]] = ()
    # What measures a recording, where its values are scaled by it.
    _night_statistics: NightStatistics = NightStatistics()

    def _check_parameters(self) -> None:
        """Check the parameters, in `fit` and again in `transform`."""

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Check the parameters."""
        self._check_parameters()

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Add a step with a frozen copy of the transformer to each recording."""
        self._check_parameters()
        return X.map(Apply.of(self))

    @abstractmethod
    def _transform_recording(self, recording: Recording) -> Recording:
        """Transform one recording."""

    def _layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Predict the layout of a transformed recording; by default it stays."""
        return before


class SignalTransformer(RecordingTransformer):
    """Base of transformers that change each continuous signal by itself."""

    sfreq: float | None
    modalities: Mapping[str, Sequence[int]] | None
    _takes_signals_only = True
    # Whether values keep their shape, so that channels may be left out of modalities.
    _keeps_shape: ClassVar[bool] = True

    @abstractmethod
    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Transform samples of shape (..., n_times) at ``sfreq`` hertz."""

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Transform a signal; override where more than its samples changes."""
        sfreq = signal.sfreq or 0.0
        return signal.replace(
            data=self._transform_samples(signal.data, sfreq, modality)
        )

    def _transform_recording(self, recording: Recording) -> Recording:
        """Transform every signal."""
        changed = {}
        for name, signal in recording.signals.items():
            require_continuous(name, signal, recording, owner=type(self).__name__)
            changed[name] = self._transform_signal(name, signal, recording)
        return recording.with_signals(changed)

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Check the parameters; arrays also need a sampling rate."""
        super()._fit(X, y)
        if not isinstance(X, EpochArray):
            self._array_sfreq()
            self._channels(X)

    def _array_sfreq(self) -> float:
        """Return the sampling rate of plain arrays."""
        if self.sfreq is None:
            msg = (
                f"{type(self).__name__} needs the 'sfreq' parameter (hertz) to work on "
                "plain arrays. Got None instead."
            )
            raise ValueError(msg)
        return self._check_positive("sfreq")

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Transform the channels of each modality, keeping their order."""
        self._check_parameters()
        sfreq, channels = self._array_sfreq(), self._channels(X)
        if X.ndim == 2:
            return self._transform_samples(X, sfreq, next(iter(channels)))
        parts = {
            name: self._transform_samples(X[:, where], sfreq, name)
            for name, where in channels.items()
        }
        if self._keeps_shape:
            result = np.array(X)
        else:
            first = next(iter(parts.values()))
            result = np.empty((*X.shape[:2], *first.shape[2:]), first.dtype)
        for name, where in channels.items():
            result[:, where] = parts[name]
        return result

    def _channels(self, X: FloatArray) -> dict[str, list[int]]:
        """Assign the channels of a plain array to modalities."""
        owner, n_channels = type(self).__name__, X.shape[1] if X.ndim > 2 else 1
        channels = assign_channels(self.modalities, n_channels, owner=owner)
        left_out = sorted(set(range(n_channels)).difference(*channels.values()))
        if left_out and not self._keeps_shape:
            msg = (
                f"{owner} changes the shape of channels, so it cannot pass channels "
                f"{left_out} of X as they are; name them in 'modalities' or remove "
                "them from X."
            )
            raise ValueError(msg)
        return channels


def require_continuous(
    name: str, signal: Signal, recording: Recording, *, owner: str
) -> None:
    """Refuse an epoched signal."""
    if not signal.is_continuous:
        msg = (
            f"{owner} needs continuous signals, but {name!r} of recording "
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
