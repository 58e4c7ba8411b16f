"""Display of a hypnogram and of stage probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.plotting._panels import (
    COLUMN,
    draw_density,
    draw_steps,
    label_time,
    make_panels,
)
from sleepkit.plotting._predict_stages import predict_stages
from sleepkit.utils import check_epoch_duration, check_stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sleepkit.recording import Recording


class HypnogramDisplay:
    """Hypnogram, with a hypnodensity below it where probabilities are given.

    `from_estimator`, `from_recording` and `from_predictions` make and draw it; `plot`
    draws it again. REM is a thick line in a colour of its own.

    Parameters
    ----------
    stages : ndarray of int of shape (n_epochs,)
        Stage codes: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored.
    probabilities : ndarray of float of shape (n_epochs, n_stages), default=None
        Probability of each stage.
    true : ndarray of int of shape (n_epochs,), default=None
        Reference stages, such as an expert's, drawn above.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    start : datetime.datetime, default=None
        Start of the first epoch; None shows the time since then.
    labels : sequence of str, default=STAGES
        Names of the stages in the order of their codes, other ones where they are
        merged.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Panels from top to bottom: reference, stages, probabilities, where given.

    Examples
    --------
    >>> from sleepkit.plotting import HypnogramDisplay
    >>> display = HypnogramDisplay.from_predictions([0, 0, 1, 2, 2, 3, 3, 2, 4, 4, 0])
    >>> display.axes_.shape
    (1,)
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self,
        stages: IntArray,
        *,
        probabilities: FloatArray | None = None,
        true: IntArray | None = None,
        epoch_duration: float = 30.0,
        start: datetime | None = None,
        labels: Sequence[str] = STAGES,
    ) -> None:
        self.stages = stages
        self.probabilities = probabilities
        self.true = true
        self.epoch_duration = epoch_duration
        self.start = start
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        recording: Recording,
        *,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Stage one night and draw it, with the hypnodensity.

        Parameters
        ----------
        estimator : estimator
            A fitted stager with ``predict_proba``, such as a `Pipeline`.
        recording : Recording
            The night. Its hypnogram, where it has one, is drawn above as the reference.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        HypnogramDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the classes of the estimator are not stage codes.

        See Also
        --------
        sleepkit.pipelines.stage_night : Also tells which epochs have a bad signal.

        Examples
        --------
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from sklearn.pipeline import make_pipeline
        >>> from sleepkit.datasets import make_polysomnography
        >>> from sleepkit.plotting import HypnogramDisplay
        >>> from sleepkit.preprocessing import BandPower
        >>> X, y, groups = make_polysomnography(1, hours=0.5, random_state=0)
        >>> stager = make_pipeline(BandPower(), GaussianNB()).fit(X, y)
        >>> display = HypnogramDisplay.from_estimator(stager, X.recordings[0])
        >>> [panel.get_ylabel() for panel in display.axes_]
        ['reference', 'predicted', 'probability']
        """
        probabilities = predict_stages(estimator, recording)
        unknown = np.isnan(probabilities).any(axis=1)
        return cls.from_predictions(
            np.where(unknown, UNSCORED, probabilities.argmax(axis=1)),
            probabilities=probabilities,
            true=recording.hypnogram,
            epoch_duration=recording.epoch_duration,
            start=recording.start,
            ax=ax,
        )

    @classmethod
    def from_recording(
        cls, recording: Recording, *, ax: Axes | Sequence[Axes] | None = None
    ) -> Self:
        """Draw the hypnogram that a night has.

        Parameters
        ----------
        recording : Recording
            The night.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        HypnogramDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the night has no hypnogram.
        """
        if recording.hypnogram is None:
            msg = f"{cls.__name__} needs a recording with a hypnogram; got {recording}."
            raise ValueError(msg)
        return cls.from_predictions(
            recording.hypnogram,
            epoch_duration=recording.epoch_duration,
            start=recording.start,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        stages: Any,
        *,
        probabilities: Any = None,
        true: Any = None,
        epoch_duration: float | None = None,
        start: datetime | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the stages of one night.

        Parameters
        ----------
        stages : array-like of int of shape (n_epochs,), or Hypnogram
            Stage codes: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored; or a `Hypnogram`,
            of merged stages as well.
        probabilities : array-like of shape (n_epochs, n_stages), default=None
            Probability of each stage; adds a hypnodensity.
        true : array-like of int of shape (n_epochs,) or Hypnogram, default=None
            Reference stages, such as an expert's; adds their hypnogram above.
        epoch_duration : float, default=None
            Length of an epoch in seconds. None means that of a `Hypnogram`, and 30 for
            an array.
        start : datetime.datetime, default=None
            Start of the first epoch. None means that of a `Hypnogram`; where it is
            unknown, the time since then is shown.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        HypnogramDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If a stage code is invalid, or lengths, epoch durations or merged stages
            differ.

        Examples
        --------
        >>> from sleepkit.plotting import HypnogramDisplay
        >>> found, expert = [0, 1, 2, 2, 4], [0, 2, 2, 2, 4]
        >>> display = HypnogramDisplay.from_predictions(found, true=expert)
        >>> [panel.get_ylabel() for panel in display.axes_]
        ['reference', 'predicted']
        """
        owner = cls.__name__
        labels = getattr(stages, "labels", STAGES)
        codes = _as_codes("stages", stages, labels)
        duration = check_epoch_duration(stages, epoch_duration, owner=owner)
        if true is not None:
            check_epoch_duration(true, duration, owner=owner)
        display = cls(
            codes,
            probabilities=_as_probabilities(probabilities, (len(codes), len(labels))),
            true=None if true is None else _as_codes("true", true, labels, len(codes)),
            epoch_duration=duration,
            start=start or getattr(stages, "first_epoch_start", None),
            labels=labels,
        )
        return display.plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        HypnogramDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not that of the panels.
        """
        self.axes_ = self._panels(ax)
        self.figure_ = self.axes_[0].get_figure()
        edges = np.arange(len(self.stages) + 1) * self.epoch_duration
        panels = iter(self.axes_)
        if self.true is not None:
            draw_steps(next(panels), edges, self.true, "reference", self.labels)
        name = "predicted" if self.true is not None else "stage"
        draw_steps(next(panels), edges, self.stages, name, self.labels)
        if self.probabilities is not None:
            draw_density(next(panels), edges, self.probabilities, self.labels)
        last = self.axes_[-1]
        for panel in self.axes_:
            label_time(panel, edges[-1], self.start, named=panel is last)
        return self

    def _panels(self, ax: Axes | Sequence[Axes] | None) -> Array:
        """Make the axes, or check the given ones."""
        count = 1 + (self.true is not None) + (self.probabilities is not None)
        size = (COLUMN, 1.6)
        return make_panels(ax, n_rows=count, size=size, margin=0.6, sharex=True)


def _as_codes(
    name: str, values: Any, labels: Sequence[str], length: int | None = None
) -> IntArray:
    """Require codes of these stages, and as many as given."""
    codes = check_stages(name, np.asarray(values), owner="HypnogramDisplay")
    own = getattr(values, "labels", labels)
    if own != labels or codes.max() >= len(labels):
        msg = f"{name!r} must have the stages {', '.join(labels)}. Got "
        msg += f"{', '.join(own)}." if own != labels else f"the code {codes.max()}."
        raise ValueError(msg)
    if length is not None and len(codes) != length:
        msg = f"{name!r} must be as long as 'stages', {length}. Got {len(codes)}."
        raise ValueError(msg)
    return codes


def _as_probabilities(values: Any, shape: tuple[int, int]) -> FloatArray | None:
    """Require a probability of each stage for each epoch."""
    if values is None:
        return None
    probabilities: FloatArray = np.asarray(values, dtype=float)
    if probabilities.shape != shape:
        msg = (
            f"'probabilities' must have the shape {shape}, one row an "
            f"epoch. Got {probabilities.shape}."
        )
        raise ValueError(msg)
    return probabilities
