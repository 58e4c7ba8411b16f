"""Features of an epoch against those of its recording."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing._base import RecordingTransformer
from sleepkit.recording import Recording, Signal


class RelativeFeatures(RecordingTransformer):
    """Features, and the same less their median over the recording appended.

    Subjects, electrodes and amplifiers differ more than stages do, so the latter help
    on nights of other laboratories, where the features are logarithms of power.

    See Also
    --------
    BandPower : Appends its own features less the median, over their spread.
    SpectrumScaler : Scales features or spectra in place.

    Notes
    -----
    Invalid epochs and NaN are left out of the medians. A row of a plain array is its
    own recording: 0 is appended for each feature.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import RelativeFeatures
    >>> from sleepkit.recording import EpochArray
    >>> X = EpochArray.from_arrays({"eeg": np.array([[1.0], [2.0], [6.0]])})
    >>> RelativeFeatures().fit_transform(X).epochs("eeg").tolist()
    [[1.0, -1.0], [2.0, 0.0], [6.0, 4.0]]
    """

    def _layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Double the numbers of features."""
        return {name: width and 2 * width for name, width in before.items()}

    def _transform_recording(self, recording: Recording) -> Recording:
        """Append to the features of each modality."""
        changed = {
            name: self._append(signal, name, recording)
            for name, signal in recording.signals.items()
        }
        return recording.with_signals(changed)

    def _append(self, signal: Signal, name: str, recording: Recording) -> Signal:
        """Append relative features to those of a signal."""
        features = signal.data
        if signal.is_continuous or features.ndim != 2:
            msg = (
                f"RelativeFeatures needs features of shape (n_epochs, n_features), but "
                f"{name!r} of recording {recording.id!r} has the shape "
                f"{features.shape}; put it behind BandPower or PowerShares."
            )
            raise RecordingError(msg)
        known = features
        if signal.valid is not None:
            known = np.where(signal.valid[:, np.newaxis], features, np.nan)
        epochs = np.arange(len(known))
        measured = self._night_statistics.measure(
            name, known, epochs, (0,), robust=True
        )
        median = measured.center.astype(features.dtype)
        relative = features - median
        names = [*signal.ch_names, *(f"{each}[-median]" for each in signal.ch_names)]
        data = np.concatenate([features, relative], axis=1)
        return signal.replace(data=data, ch_names=names)

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Append zeros, as each row is its own recording."""
        return np.concatenate([X, X * 0], axis=-1)
