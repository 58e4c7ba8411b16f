"""Display of what a stager attends to in one epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit import signal
from sleepkit._typing import Array, FloatArray
from sleepkit.plotting._panels import COLUMN, INK, draw_bar, make_panels
from sleepkit.recording import as_epoch_array
from sleepkit.utils import check_count, last_step, optional_import

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sleepkit.recording import Recording

_STRIP: Final = 0.16  # height of a strip below the signal, as a part of the signal's
_MIN_LIMIT: Final = 2.0  # so that even attention is pale


class AttentionDisplay:
    """What a net looked at in one epoch: attention to the frames, over the signal.

    A panel for each modality. Behind its signal is how far the net's token of the epoch
    depends on each frame. The strips below it are the cross-modal attention of other
    modalities to these frames. `from_estimator` makes and draws it; `plot` draws it
    again.

    Parameters
    ----------
    signals : mapping of str to ndarray of shape (n_times,)
        The epoch of each modality in microvolts.
    frames : mapping of str to ndarray of shape (n_frames,)
        Attention to the frames of each modality; the sum is 1.
    cross : mapping of str to mapping of str to ndarray of shape (n_frames,), \
default=None
        ``cross[name][other]`` is the attention of another modality to these frames.
    epoch_duration : float, default=30.0
        Length of the epoch in seconds.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Panels from top to bottom, one for each modality.

    See Also
    --------
    sleepkit.nn.EpochAttention : The weights, and what the attention of an epoch is.

    Notes
    -----
    Attention is shown in multiples of what each frame would have if all had the same.
    The frames are drawn as equal parts of the epoch; those that overlap are longer than
    their parts. What a net looks at is not always why it decides.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.plotting import AttentionDisplay
    >>> signal = 20 * np.sin(np.arange(3000) / 8)
    >>> frames = np.r_[np.full(20, 0.01), np.full(9, 0.8 / 9)]
    >>> display = AttentionDisplay({"eeg": signal}, {"eeg": frames}).plot()
    >>> display.axes_[0].get_ylabel()
    'eeg (µV)'
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self,
        signals: Mapping[str, FloatArray],
        frames: Mapping[str, FloatArray],
        *,
        cross: Mapping[str, Mapping[str, FloatArray]] | None = None,
        epoch_duration: float = 30.0,
    ) -> None:
        self.signals = signals
        self.frames = frames
        self.cross = cross
        self.epoch_duration = epoch_duration

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        recording: Recording,
        epoch: int,
        *,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Compute and draw the attention in one epoch of a night.

        Parameters
        ----------
        estimator : estimator
            A fitted `sleepkit.classifiers.MedFuseSleepClassifier` of spectra, or a
            pipeline that ends with one.
        recording : Recording
            The night, with continuous signals.
        epoch : int
            Number of the epoch, from 0.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each modality. None makes a figure.

        Returns
        -------
        AttentionDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        TypeError
            If the estimator has no method ``attention``.
        ValueError
            If there is no such epoch, or a modality is not continuous.
        """
        owner, final = cls.__name__, last_step(estimator)
        if not hasattr(final, "attention"):
            msg = f"{owner} needs an estimator with a method attention; got {final!r}."
            raise TypeError(msg)
        row = check_count("epoch", epoch, owner=owner, minimum=0)
        if row >= recording.n_epochs:
            msg = f"'epoch' must be below {recording.n_epochs}. Got {row}: {recording}."
            raise ValueError(msg)
        X: Any = as_epoch_array(recording)[[row]]
        if final is not estimator and len(estimator) > 1:
            X = estimator[:-1].transform(X)
        found = final.attention(X)
        shown = [name for name, frames in found.frames.items() if frames.size > 1]
        cross = {
            name: {
                other: weights[0].mean(axis=(0, 1))[0, 1:]  # of the CLS token
                for other, weights in found.cross[name].items()
            }
            for name in shown
        }
        return cls(
            {name: _epoch_of(recording, name, row) for name in shown},
            {name: found.frames[name][0] for name in shown},
            cross=cross,
            epoch_duration=recording.epoch_duration,
        ).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each modality. None makes a figure.

        Returns
        -------
        AttentionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If no modality has several frames with a signal, or the number of axes is
            not that of the modalities.
        """
        known = [frames for frames in self.frames.values() if np.isfinite(frames).all()]
        if not known:
            msg = f"{type(self).__name__} needs spectra with a signal; got none."
            raise ValueError(msg)
        n_panels = len(self.frames)
        self.axes_ = make_panels(
            ax, n_rows=n_panels, size=(COLUMN, 1.5), margin=0.4, sharex=True
        )
        self.figure_ = self.axes_[0].get_figure()
        for panel, (name, frames) in zip(self.axes_, self.frames.items(), strict=True):
            self._draw(panel, name, frames)
            panel.tick_params(labelbottom=panel is self.axes_[-1])
        self.axes_[-1].set_xlabel("time in the epoch (s)")
        return self

    def _draw(self, ax: Axes, name: str, frames: FloatArray) -> None:
        """Draw the signal of a modality over its attention, and strips below."""
        samples = self.signals[name]
        known = samples[np.isfinite(samples)]
        low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
        height = max(high - low, 1.0)
        others = ((self.cross or {}).get(name) or {}).items()
        relative = [len(x) * x for x in (frames, *(weights for _, weights in others))]
        limit = np.fmax.reduce(np.concatenate(relative), initial=_MIN_LIMIT)
        tops = low - _STRIP * height * np.arange(len(others) + 1)
        bounds = [(low, low + height), *zip(tops[1:], tops, strict=False)]
        for weights, (start, end) in zip(relative, bounds, strict=True):
            image = ax.imshow(
                weights[np.newaxis],
                cmap="Oranges",
                vmin=0,
                vmax=limit,
                alpha=0.6,
                extent=(0, self.epoch_duration, start, end),
                aspect="auto",
                interpolation="nearest",
            )
        draw_bar(ax, image, "attention")
        times = np.arange(len(samples)) * self.epoch_duration / len(samples)
        ax.plot(times, samples, color=INK, linewidth=0.5)
        ax.set_xlim(0, self.epoch_duration)
        ax.set_ylim(tops[-1], low + height)
        _name_rows(ax, (low, low + height), tops, [other for other, _ in others])
        ax.set_ylabel(f"{name} (µV)")


def _name_rows(
    ax: Axes, limits: tuple[float, float], tops: FloatArray, others: Sequence[str]
) -> None:
    """Label microvolts beside the signal, and the modality beside each strip."""
    ticker = optional_import("matplotlib.ticker", extra="plot")
    values = ticker.MaxNLocator(4).tick_values(*limits)
    values = [value for value in values if limits[0] <= value <= limits[1]]
    middles = (tops[:-1] + tops[1:]) / 2
    ax.set_yticks([*values, *middles], [*(f"{v:g}" for v in values), *others])
    for top in tops[: len(others)]:
        ax.axhline(top, color=INK, linewidth=0.8)


def _epoch_of(recording: Recording, modality: str, epoch: int) -> FloatArray:
    """Return the samples of one epoch of the first channel of a modality."""
    block = recording.signals[modality]
    if block.sfreq is None:
        msg = f"AttentionDisplay needs samples; {modality!r} of {recording} is epoched."
        raise ValueError(msg)
    epochs = signal.to_epochs(
        block.take(np.array([0]), axis=0)[0],
        block.sfreq,
        recording.epoch_duration,
        n_epochs=recording.n_epochs,
    )
    samples: FloatArray = epochs[epoch]
    return samples
