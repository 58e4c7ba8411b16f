"""What a model's training nights were like, to compare a night with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from sleepkit import signal
from sleepkit._typing import FloatArray
from sleepkit.exceptions import ModelFileError
from sleepkit.recording import EpochArray, Recording, Signal

_BANDS: Final = {name: b for name, b in signal.BANDS.items() if name != "gamma"}
_QUANTILES: Final = (0.005, 0.995)
_BOUNDS: Final = ("low", "high")
_WIDE: Final = 99.0  # powers of ten
_SDS: Final = 3  # below the mean of nights


@dataclass(frozen=True)
class TrainingReference:
    """Confidence and band powers of the nights of a model's training.

    Parameters
    ----------
    confidence : float
        Mean confidence of held-out nights.
    least_confidence : float
        Mean confidence below which a night is far from those.
    low, high : mapping of str to list of float
        For each modality, bounds of the features of an epoch: logarithmic band powers,
        and the same less their mean. One in a hundred values is outside.
    outside : mapping of str to float
        For each modality, the largest share of values of a night that are outside.

    See Also
    --------
    staging_warnings : What is implausible in a staged night.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.pipelines import TrainingReference
    >>> X, _, _ = make_polysomnography(2, hours=0.2, random_state=0)
    >>> reference = TrainingReference.measure(X, [0.8, 0.9])
    >>> round(reference.confidence, 2)
    0.85
    >>> reference.shares_outside(X.recordings[0])["eeg"] < 0.2
    True
    """

    confidence: float
    least_confidence: float
    low: Mapping[str, list[float]]
    high: Mapping[str, list[float]]
    outside: Mapping[str, float]

    @classmethod
    def measure(cls, X: EpochArray, confidences: Any) -> Self:
        """Measure training nights.

        Parameters
        ----------
        X : EpochArray
            Training nights, with continuous signals.
        confidences : array-like of shape (n_nights,)
            Mean confidence of each of several held-out nights.

        Returns
        -------
        TrainingReference
            Their reference.
        """
        measured: dict[str, list[FloatArray]] = {}
        for recording in X.recordings:
            for name, block in recording.load().signals.items():
                measured.setdefault(name, []).append(_measure(block, recording))
        low, high, outside = {}, {}, {}
        for name, nights in measured.items():
            low[name], high[name] = _bounds(np.concatenate(nights))
            shares = [_share_outside(night, low[name], high[name]) for night in nights]
            outside[name] = round(max(shares), 4)
        mean, sd = np.mean(confidences), np.std(confidences)
        least = round(float(mean - _SDS * sd), 4)
        return cls(round(float(mean), 4), least, low, high, outside)

    def shares_outside(self, night: Recording) -> dict[str, float]:
        """Share of the features of each modality that are outside of the bounds.

        Parameters
        ----------
        night : Recording
            A night of continuous signals.

        Returns
        -------
        dict of str to float
            Shares by modality, of those that training nights had.
        """
        return {
            name: _share_outside(
                _measure(block, night), self.low[name], self.high[name]
            )
            for name, block in night.load().signals.items()
            if name in self.low
        }

    def to_json(self) -> dict[str, Any]:
        """Return the reference as values of JSON, for a model file.

        Returns
        -------
        dict of str to object
            The parameters.
        """
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Restore a reference.

        Parameters
        ----------
        values : dict of str to object
            What `to_json` returned.

        Returns
        -------
        TrainingReference
            The reference.

        Raises
        ------
        ModelFileError
            If the values are not those of a reference.
        """
        try:
            usual, least = (
                float(values[n]) for n in ("confidence", "least_confidence")
            )
            low, high = ({k: _row(v) for k, v in values[n].items()} for n in _BOUNDS)
            outside = {name: float(v) for name, v in values["outside"].items()}
            if not low.keys() == high.keys() == outside.keys():
                raise KeyError(*low.keys() ^ high.keys())
            return cls(usual, least, low, high, outside)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"its reference of training nights is damaged: {error!r}."
            raise ModelFileError(msg) from error


def _bounds(values: FloatArray) -> list[list[float]]:
    """Lower and upper bounds of features; wide ones where no night has the feature."""
    known = ~np.isnan(values).all(axis=0)
    bounds = np.tile([[-_WIDE], [_WIDE]], values.shape[1])
    bounds[:, known] = np.nanquantile(values[:, known], _QUANTILES, axis=0)
    rounded: list[list[float]] = bounds.round(3).tolist()
    return rounded


def _row(values: Any) -> list[float]:
    """Bounds of all features."""
    row = [float(value) for value in values]
    if len(row) != 2 * len(_BANDS):
        msg = f"{len(row)} bounds"
        raise ValueError(msg)
    return row


def _measure(block: Signal, night: Recording) -> FloatArray:
    """Features of all epochs of all channels, shape (n, n_features)."""
    sfreq = block.sfreq or 0.0
    epochs = signal.to_epochs(
        block.data, sfreq, night.epoch_duration, n_epochs=night.n_epochs
    )
    powers = signal.band_powers(epochs, sfreq, _BANDS, bandwidth=block.bandwidth)
    powers = powers.reshape(-1, len(_BANDS))
    known = ~np.isnan(powers)
    mean = np.where(known, powers, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.concatenate([powers, powers - mean[:, np.newaxis]], axis=1)


def _share_outside(values: FloatArray, low: list[float], high: list[float]) -> float:
    """Share of known values outside of the bounds of their features."""
    known = ~np.isnan(values)
    outside = known & ((values < low) | (values > high))
    return float(outside.sum() / max(known.sum(), 1))
