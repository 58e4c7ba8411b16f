"""As many channels as a stager takes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing._base import RecordingTransformer
from sleepkit.recording import Recording, Signal
from sleepkit.utils import check_count


class FixedChannels(RecordingTransformer):
    """Selection of the first channels, repeated where there are fewer.

    A net takes as many channels of a modality as it was trained on; this makes it take
    recordings with more channels, of which the first are used, and with fewer.

    Parameters
    ----------
    n_channels : mapping of str to int, default=None
        Channels by modality; other modalities stay as they are. None is one of each.
    n_features : int, default=None
        Features of one channel, where the signals are features: those of a channel
        follow each other.

    See Also
    --------
    sleepkit.io.choose_channels : The choice of channels when a recording is read.

    Notes
    -----
    Plain arrays pass unchanged: the parameter `modalities` of an estimator selects
    their channels.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import FixedChannels
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eeg = Signal(np.ones((3, 6000)), 100, ["C3", "C4", "O1"])
    >>> X = EpochArray([Recording(id="n", subject="s", signals={"eeg": eeg})])
    >>> FixedChannels({"eeg": 2}).fit_transform(X).recordings[0].signals["eeg"]
    Signal(2 x 6000 samples at 100 Hz: C3, C4)
    """

    def __init__(
        self,
        n_channels: Mapping[str, int] | None = None,
        *,
        n_features: int | None = None,
    ) -> None:
        self.n_channels = n_channels
        self.n_features = n_features

    def _check_parameters(self) -> None:
        """Check the numbers."""
        for name, count in (self.n_channels or {}).items():
            check_count(f"n_channels[{name!r}]", count, owner="FixedChannels")
        if self.n_features is not None:
            check_count("n_features", self.n_features, owner="FixedChannels")

    def _count(self, name: str) -> int | None:
        """Channels of a modality; None where it stays as it is."""
        return 1 if self.n_channels is None else self.n_channels.get(name)

    def _layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Predict the numbers of features."""
        after = dict(before)
        for name, width in before.items():
            count = self._count(name)
            if width is not None and count is not None and self.n_features is not None:
                after[name] = count * self.n_features
        return after

    def _transform_recording(self, recording: Recording) -> Recording:
        """Select the channels of each modality."""
        changed = dict(recording.signals)
        for name, signal in recording.signals.items():
            count = self._count(name)
            if count is not None:
                changed[name] = self._select(signal, count, name, recording)
        return recording.with_signals(changed)

    def _select(
        self, signal: Signal, count: int, name: str, recording: Recording
    ) -> Signal:
        """Select the channels of a signal, which lie on different axes."""
        data = signal.data
        if signal.is_continuous or data.ndim > 2:
            axis = 0 if signal.is_continuous else 1
            index = _first(count, data.shape[axis])
            names = [signal.ch_names[i] for i in index]
            return signal.replace(data=data.take(index, axis), ch_names=names)
        width = self.n_features or data.shape[1]
        if data.shape[1] % width:
            msg = (
                f"FixedChannels needs {width} features a channel, but {name!r} of "
                f"recording {recording.id!r} has {data.shape[1]} in all."
            )
            raise RecordingError(msg)
        first = _first(count, data.shape[1] // width)
        columns = (first[:, np.newaxis] * width + np.arange(width)).ravel()
        names = [signal.ch_names[i] for i in columns]
        return signal.replace(data=data[:, columns], ch_names=names)

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Return a plain array as it is."""
        return X


def _first(count: int, n_channels: int) -> IntArray:
    """Numbers of the first channels, from the start again where there are fewer."""
    numbers: IntArray = np.arange(count) % n_channels
    return numbers
