"""Display of what the stage of an epoch rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._stages import STAGES
from sleepkit._typing import Array, FloatArray
from sleepkit.metrics import Occlusion, occlusion
from sleepkit.plotting._panels import COLUMN, INK, draw_bar, make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    from sleepkit.recording import Recording

_WHOLE: Final = "all"  # the column of a modality beside its bands
_MIN_LIMIT: Final = 0.05  # so that next to nothing is pale
_ROBUST: Final = 99.5  # percentile of a signal that its panel reaches to


class OcclusionDisplay:
    """Signals of an epoch, coloured by what its stage rests on, over its bands.

    `from_estimator` makes and draws it; `plot` draws it again.

    Parameters
    ----------
    found : Occlusion
        What `sleepkit.metrics.occlusion` returns.
    traces : mapping of str to array-like of shape (n_times,)
        Microvolts of a channel of each modality in the epoch.
    epoch_duration : float, default=30.0
        Length of the epoch in seconds.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        A panel for each modality, and one for the bands where there are any.

    See Also
    --------
    sleepkit.metrics.occlusion : What is drawn.
    ModalityContributionDisplay : Modalities over a whole night.

    Notes
    -----
    Purple is what the stage rests on, orange what speaks for another. Signals and bands
    have colours of their own range each, since a second carries less than a band does.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.metrics import Occlusion
    >>> from sleepkit.plotting import OcclusionDisplay
    >>> second = {"eeg": np.linspace(-0.1, 0.2, 30)}
    >>> found = Occlusion(2, 0.8, {}, {"eeg": {"delta": 0.1, "sigma": 0.5}}, second)
    >>> display = OcclusionDisplay(found, {"eeg": np.zeros(3000)}).plot()
    >>> [label.get_text() for label in display.axes_[1].get_xticklabels()]
    ['delta', 'sigma']
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self,
        found: Occlusion,
        traces: Mapping[str, Any],
        *,
        epoch_duration: float = 30.0,
    ) -> None:
        self.found = found
        self.traces = traces
        self.epoch_duration = epoch_duration

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        recording: Recording,
        epoch: int,
        *,
        context: int | None = None,
        bands: Mapping[str, tuple[float, float]] | None = None,
        by: Sequence[str] = ("modality", "band", "second"),
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Explain an epoch of a night, and draw the result.

        Parameters
        ----------
        estimator : estimator
            A fitted stager of recordings with ``predict_proba``.
        recording : Recording
            The night, with continuous signals.
        epoch : int
            Number of the epoch, from 0.
        context : int, default=None
            Epochs before and after it that are staged with it; None means all.
        bands : mapping of str to (float, float), default=None
            Bands in hertz; None means seven from 0.3 Hz on.
        by : sequence of {"modality", "band", "second"}, default=("modality", "band", \
"second")
            What is removed.
        ax : Axes or sequence of Axes, default=None
            Axes to draw in, as many as panels. None makes a figure.

        Returns
        -------
        OcclusionDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If `sleepkit.metrics.occlusion` refuses a parameter.
        """
        found = occlusion(
            estimator, recording, epoch, by=by, bands=bands, context=context
        )
        duration, traces = recording.epoch_duration, {}
        for name, signal in recording.signals.items():
            sfreq = signal.sfreq or 0.0
            start, stop = (round(i * duration * sfreq) for i in (epoch, epoch + 1))
            traces[name] = signal.data[0, start:stop]
        return cls(found, traces, epoch_duration=duration).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : Axes or sequence of Axes, default=None
            Axes to draw in, as many as panels. None makes a figure.

        Returns
        -------
        OcclusionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` does not have as many axes as there are panels.
        """
        names, (columns, table) = list(self.traces), self._table()
        panels = [0.9] * len(names) + ([0.3 * len(names)] if columns else [])
        self.axes_ = make_panels(
            ax,
            n_rows=len(panels),
            size=(1.5 * COLUMN, sum(panels) / len(panels)),
            margin=1.0,
            heights=panels,
        )
        self.figure_ = self.axes_[0].get_figure()
        seconds = [self.found.second.get(name, np.zeros(1)) for name in names]
        limit = _limit(np.concatenate(seconds))
        for panel, name, values in zip(self.axes_, names, seconds, strict=False):
            image = self._draw_trace(panel, name, values, limit)
        if self.found.second:
            draw_bar(self.axes_[len(names) - 1], image, "by second")
        stage = self.found.stage
        stage = stage if isinstance(stage, str) else STAGES[stage]
        self.axes_[0].set_title(f"{stage}, probability {self.found.probability:.2f}")
        for panel in self.axes_[: len(names) - 1]:
            panel.tick_params(labelbottom=False)
        self.axes_[len(names) - 1].set_xlabel("time (s)")
        if columns:
            self._draw_table(self.axes_[-1], names, columns, table)
        return self

    def _table(self) -> tuple[list[str], FloatArray]:
        """Values by modality and band, with the modality itself as the first column."""
        found, names = self.found, list(self.traces)
        bands = list(next(iter(found.band.values()), {}))
        columns = ([_WHOLE] if found.modality else []) + bands
        rows = [
            ([found.modality[name]] if found.modality else [])
            + [found.band[name][band] for band in bands]
            for name in names
        ]
        return columns, np.array(rows)

    def _draw_trace(
        self, panel: Axes, name: str, values: FloatArray, limit: float
    ) -> ScalarMappable:
        """Draw a signal over the values of its seconds."""
        trace = np.asarray(self.traces[name], dtype=float)
        times = np.arange(len(trace)) / len(trace) * self.epoch_duration
        known = np.abs(trace[np.isfinite(trace)])
        height = max(1.2 * np.percentile(known, _ROBUST), 1.0) if known.size else 1.0
        image = panel.imshow(
            values[np.newaxis],
            cmap="PuOr",
            vmin=-limit,
            vmax=limit,
            extent=(0, self.epoch_duration, -height, height),
            aspect="auto",
            interpolation="nearest",
        )
        panel.plot(times, trace, color=INK, linewidth=0.6)
        panel.set_xlim(0, self.epoch_duration)
        panel.set_ylim(-height, height)
        panel.set_ylabel(f"{name} (\N{MICRO SIGN}V)")
        return image

    def _draw_table(
        self, panel: Axes, names: list[str], columns: list[str], table: FloatArray
    ) -> None:
        """Draw the values of modalities and bands."""
        limit = _limit(table)
        image = panel.imshow(table, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
        for row, column in np.ndindex(table.shape):
            value = table[row, column]
            color = "white" if abs(value) > 0.6 * limit else INK
            panel.text(
                column, row, _signed(value), ha="center", va="center", color=color
            )
        panel.set_xticks(range(len(columns)), columns)
        panel.set_yticks(range(len(names)), names)
        draw_bar(panel, image, "by band")


def _signed(value: Any) -> str:
    """Write a value with its sign, if it is known and anything is left of it."""
    if np.isnan(value):
        return "\N{EN DASH}"
    rounded = round(float(value), 2)
    return f"{rounded:+.2f}" if rounded else "0"


def _limit(values: FloatArray) -> float:
    """Value that the colours reach to, on either side of zero."""
    known = np.abs(values[np.isfinite(values)])
    return float(max(known.max(initial=0.0), _MIN_LIMIT))
