"""Display of what each modality contributes to each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.metrics import modality_contribution
from sleepkit.plotting._panels import COLUMN, MISSING, draw_bar, label_time, make_panels
from sleepkit.recording import as_epoch_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sleepkit.recording import Recording

_LIMIT: Final = 99.0  # percentile, so that a few epochs do not take all colours
_MIN_LIMIT: Final = 0.1


class ModalityContributionDisplay:
    """Which modality carried which epoch: a row for each modality over the night.

    `from_estimator` makes and draws it; `plot` draws it again.

    Parameters
    ----------
    contributions : mapping of str to ndarray of float of shape (n_epochs,)
        By modality, what it adds to the probability of the predicted stage; NaN where
        that is unknown.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    start : datetime.datetime, default=None
        Start of the first epoch; None shows the time since then.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        The panel. Its colour bar stands beside it.

    See Also
    --------
    sleepkit.metrics.modality_contribution : What is drawn.

    Notes
    -----
    Purple is where the stage would hardly have been found without the modality, orange
    where the modality spoke for another stage. In an epoch that is white in all rows,
    each modality is dispensable. Epochs whose value is NaN are grey. Colours reach to
    the 99th percentile of the values.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.plotting import ModalityContributionDisplay
    >>> found = {"eeg": np.array([0.8, 0.1]), "eog": np.array([0.0, 0.4])}
    >>> display = ModalityContributionDisplay(found).plot()
    >>> [label.get_text() for label in display.axes_[0].get_yticklabels()]
    ['eeg', 'eog']
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self,
        contributions: Mapping[str, FloatArray],
        *,
        epoch_duration: float = 30.0,
        start: datetime | None = None,
    ) -> None:
        self.contributions = contributions
        self.epoch_duration = epoch_duration
        self.start = start

    @classmethod
    def from_estimator(
        cls, estimator: Any, recording: Recording, *, ax: Axes | None = None
    ) -> Self:
        """Stage a night without each modality in turn, and draw what that changes.

        Parameters
        ----------
        estimator : estimator
            A fitted stager with ``predict_proba`` that takes any subset of the
            modalities.
        recording : Recording
            The night, with two modalities or more.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        ModalityContributionDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the night has fewer than two modalities.
        """
        return cls(
            modality_contribution(estimator, as_epoch_array(recording)),
            epoch_duration=recording.epoch_duration,
            start=recording.start,
        ).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        ModalityContributionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` is not one of axes, or the modalities differ in length.
        """
        names = list(self.contributions)
        rows = np.stack(list(self.contributions.values()))
        height = 0.3 * len(names)
        self.axes_ = make_panels(ax, size=(COLUMN, height), margin=0.6)
        panel = self.axes_[0]
        self.figure_ = panel.get_figure()
        end = rows.shape[1] * self.epoch_duration
        known = np.abs(rows[np.isfinite(rows)])
        limit = max(np.percentile(known, _LIMIT), _MIN_LIMIT) if known.size else 1.0
        panel.set_facecolor(MISSING)
        for place, row in enumerate(rows):  # one by one, since an image is smoothed
            image = panel.imshow(
                row[np.newaxis],
                cmap="PuOr",
                vmin=-limit,
                vmax=limit,
                extent=(0, end, place + 0.5, place - 0.5),
                aspect="auto",
            )
        draw_bar(panel, image, "contribution")
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_yticks(range(len(names)), names)
        label_time(panel, end, self.start)
        return self
