"""Display of the spectrum of one channel over a night."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from sleepkit import signal  # its functions import scipy, once they are used
from sleepkit._typing import Array, FloatArray
from sleepkit.plotting._panels import COLUMN, MISSING, draw_bar, label_time, make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sleepkit.recording import Recording, Signal

_OVERSAMPLING: Final = 2.5  # of the highest frequency, where the low-pass is flat
_LIMITS: Final = (2.0, 98.0)  # percentiles, so that artefacts take no colours


class SpectrogramDisplay:
    """Multitaper spectrogram of one channel: a column for each epoch of the night.

    `from_recording` makes and draws it; `plot` draws it again.

    Parameters
    ----------
    freqs : ndarray of float of shape (n_bins,)
        Frequencies in hertz, evenly spaced.
    density : ndarray of float of shape (n_epochs, n_bins)
        Power density in microvolts squared per hertz; NaN where it is unknown.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    start : datetime.datetime, default=None
        Start of the first epoch; None shows the time since then.
    name : str, default=None
        Name of the channel.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        The panel. Its colour bar stands beside it, so that displays of the same night
        in one column of axes have one axis of time.

    See Also
    --------
    sleepkit.signal.multitaper_density : The method and its reference.
    HypnogramDisplay : The stages of the night.

    Notes
    -----
    Colours go from the 2nd to the 98th percentile of the decibels. Epochs without a
    signal are grey.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.plotting import SpectrogramDisplay
    >>> X, y, groups = make_polysomnography(1, hours=0.1, random_state=0)
    >>> display = SpectrogramDisplay.from_recording(X.recordings[0])
    >>> display.density.shape
    (12, 736)
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self,
        freqs: FloatArray,
        density: FloatArray,
        *,
        epoch_duration: float = 30.0,
        start: datetime | None = None,
        name: str | None = None,
    ) -> None:
        self.freqs = freqs
        self.density = density
        self.epoch_duration = epoch_duration
        self.start = start
        self.name = name

    @classmethod
    def from_recording(
        cls,
        recording: Recording,
        channel: str | None = None,
        *,
        low: float = 0.5,
        high: float = 25.0,
        ax: Axes | None = None,
    ) -> Self:
        """Compute and draw the spectrogram of a night.

        Parameters
        ----------
        recording : Recording
            The night, with continuous signals.
        channel : str, default=None
            Name of the channel, or of a modality, for its first channel. None is the
            EEG where there is one, or else the first modality.
        low : float, default=0.5
            Lowest frequency in hertz.
        high : float, default=25.0
            Highest frequency in hertz.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        SpectrogramDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If there is no such channel, it is not continuous or has no whole epoch, or
            a frequency is out of range.
        """
        block, place = _find_channel(recording, channel)
        name = block.ch_names[place]
        if block.sfreq is None:
            msg = f"{cls.__name__} needs samples; {name!r} of {recording} is epoched."
            raise ValueError(msg)
        samples = block.take(np.array([place]), axis=0)[0]
        sfreq, step = block.sfreq, int(block.sfreq // (_OVERSAMPLING * high))
        if step > 1:  # tapers take most of the time, in proportion to the rate
            samples, sfreq = signal.resample(samples, sfreq, sfreq / step), sfreq / step
        duration = recording.epoch_duration
        epochs = signal.to_epochs(samples, sfreq, duration, n_epochs=recording.n_epochs)
        freqs, density = signal.multitaper_density(epochs, sfreq, low=low, high=high)
        return cls(
            freqs, density, epoch_duration=duration, start=recording.start, name=name
        ).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        SpectrogramDisplay
            The display itself.

        Raises
        ------
        ValueError
            If no epoch has any power, or `ax` is not one of axes.
        """
        known = self.density > 0
        if not known.any():
            msg = f"{type(self).__name__} needs an epoch with a signal; got none."
            raise ValueError(msg)
        decibels = np.full(self.density.shape, np.nan)
        np.log10(self.density, out=decibels, where=known)
        decibels *= 10
        self.axes_ = make_panels(ax, size=(COLUMN, 1.6), margin=0.6)
        panel = self.axes_[0]
        self.figure_ = panel.get_figure()
        end = len(decibels) * self.epoch_duration
        half_bin = (self.freqs[1] - self.freqs[0]) / 2
        bounds = (0, end, self.freqs[0] - half_bin, self.freqs[-1] + half_bin)
        low, high = np.percentile(decibels[known], _LIMITS)
        panel.set_facecolor(MISSING)
        image = panel.imshow(
            decibels.T,
            cmap="viridis",
            vmin=low,
            vmax=high,
            extent=bounds,
            origin="lower",
            aspect="auto",
        )
        draw_bar(panel, image, "dB (µV²/Hz)")
        panel.set_ylabel("frequency (Hz)")
        if self.name is not None:
            panel.set_title(self.name, parse_math=False)
        label_time(panel, end, self.start)
        return self


def _find_channel(recording: Recording, channel: str | None) -> tuple[Signal, int]:
    """Signal with a channel, and the place of the channel in it."""
    signals = recording.signals
    if channel is None:
        channel = "eeg" if "eeg" in signals else next(iter(signals), "eeg")
    if channel in signals:
        return signals[channel], 0
    for block in signals.values():
        if channel in block.ch_names:
            return block, block.ch_names.index(channel)
    known = [name for block in signals.values() for name in block.ch_names]
    msg = (
        f"The 'channel' parameter of SpectrogramDisplay must be one of "
        f"{', '.join([*signals, *known])}. Got {channel!r} instead."
    )
    raise ValueError(msg)
