"""The step behind `BandPower`: from signals to columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing._base import SignalStep, continuous_epochs
from sleepkit.preprocessing._scaling import measure
from sleepkit.recording import Recording, Signal
from sleepkit.signal import band_powers

OWNER: Final = "BandPower"
NORMALIZE: Final = (None, "append", "replace")


@dataclass(frozen=True)
class BandFeatures(SignalStep):
    """Turn every signal into the columns that were decided in ``fit``."""

    n_channels: tuple[tuple[str, int], ...]
    bands: tuple[tuple[str, tuple[float, float]], ...]
    ratios: tuple[tuple[str, str], ...]
    window: float
    normalize: str | None
    context: int

    def layout(self, before: Mapping[str, int | None]) -> dict[str, int]:
        """Give every recording the modalities of ``fit``, and their columns."""
        return {name: len(tuple(self.names(name))) for name, _ in self.n_channels}

    def values(self, modality: str, data: FloatArray, sfreq: float) -> FloatArray:
        """Describe epochs that stand alone: each is its own recording and context."""
        return self._columns(self._features(data, sfreq, None), alone=True)

    def __call__(self, recording: Recording) -> Recording:
        """Describe every epoch of a recording, absent modalities by NaN."""
        signals = recording.signals
        described = {}
        for name, _ in self.n_channels:
            if name in signals:
                described[name] = self.signal(name, signals[name], recording)
            else:
                described[name] = self._absent(name, recording.n_epochs)
        return recording.with_signals(described)

    def names(self, modality: str) -> Iterator[str]:
        """Name the columns of a modality."""
        each = [name for name, _ in self.bands] + ["/".join(r) for r in self.ratios]
        channels = range(dict(self.n_channels)[modality])
        plain = [f"{modality}_{i}_{name}" for i in channels for name in each]
        kinds = {None: [""], "append": ["", "[z]"], "replace": ["[z]"]}[self.normalize]
        for shift in range(-self.context, self.context + 1):
            neighbour = f"[t{shift:+d}]" if shift else ""
            yield from (f"{name}{kind}{neighbour}" for kind in kinds for name in plain)

    def signal(self, modality: str, signal: Signal, recording: Recording) -> Signal:
        """Describe the epochs of one signal."""
        epochs = continuous_epochs(modality, signal, recording, owner=OWNER)
        n_channels = dict(self.n_channels)[modality]
        if signal.n_channels != n_channels:
            msg = (
                f"{OWNER} was fitted on {n_channels} channels of {modality!r}, but "
                f"recording {recording.id!r} has {signal.n_channels}."
            )
            raise RecordingError(msg)
        features = self._features(epochs, signal.sfreq or 0.0, signal.bandwidth)
        valid = ~np.isnan(features).all(axis=1)
        if signal.valid is not None:
            valid &= signal.valid[: recording.n_epochs]
        features[~valid] = np.nan  # what cannot be trusted lends nothing to neighbours
        return signal.replace(
            data=self._columns(features, alone=False),
            sfreq=None,
            ch_names=self.names(modality),
            valid=None if valid.all() else valid,
        )

    def _absent(self, name: str, n_epochs: int) -> Signal:
        """Make the columns of a modality that was not recorded."""
        names = tuple(self.names(name))
        values = np.full((n_epochs, len(names)), np.nan, np.float32)
        return Signal(values, ch_names=names, valid=np.zeros(n_epochs, np.bool_))

    def _features(
        self, epochs: FloatArray, sfreq: float, bandwidth: float | None
    ) -> FloatArray:
        """Compute log powers and ratios, of shape (n_epochs, n_features)."""
        bands = dict(self.bands)
        powers = band_powers(
            epochs, sfreq, bands, window=self.window, bandwidth=bandwidth
        )
        at = {name: i for i, name in enumerate(bands)}
        ratios = [powers[..., [at[a]]] - powers[..., [at[b]]] for a, b in self.ratios]
        features = np.concatenate([powers, *ratios], axis=-1)
        return features.reshape(len(features), -1)

    def _columns(self, features: FloatArray, *, alone: bool) -> FloatArray:
        """Add what depends on the recording and on the epochs around."""
        if self.normalize is not None:
            relative = features * 0 if alone else _relative(features)
            kept = [features] if self.normalize == "append" else []
            features = np.concatenate([*kept, relative], axis=1)
        epochs, last = np.arange(len(features)), len(features) - 1
        shifts = range(-self.context, self.context + 1)
        rows = [epochs if alone else (epochs + shift).clip(0, last) for shift in shifts]
        return np.concatenate([features[row] for row in rows], axis=1)


def _relative(features: FloatArray) -> FloatArray:
    """Take the recording's median off each feature, and divide by its spread."""
    return measure(features, (0,), robust=True).apply(features, (0,))
