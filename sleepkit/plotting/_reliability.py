"""Display of confidence against accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from sleepkit._typing import Array
from sleepkit.metrics import expected_calibration_error, reliability_curve
from sleepkit.plotting._panels import COLUMN, DISTINCT, INK, make_panels
from sleepkit.plotting._predict_stages import predict_stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class ReliabilityDisplay:
    """Accuracy against confidence, and how many epochs have which confidence.

    `from_estimator` and `from_predictions` make and draw it; `plot` draws it again.

    Parameters
    ----------
    curve : mapping of str to ndarray of shape (n_bins,)
        Table of `sleepkit.metrics.reliability_curve`.
    error : float
        Expected calibration error.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Panels from top to bottom: accuracy, and number of epochs.

    See Also
    --------
    sleepkit.metrics.expected_calibration_error : The error in the title.
    sleepkit.metrics.fit_temperature : Calibrates probabilities.

    Notes
    -----
    Points below the diagonal are overconfident. ``CalibrationDisplay`` of scikit-learn
    is of two classes; here the confidence is the highest of five probabilities.

    Examples
    --------
    >>> from sleepkit.plotting import ReliabilityDisplay
    >>> sure, unsure = [0.9, 0.1, 0, 0, 0], [0.1, 0, 0.6, 0.3, 0]
    >>> display = ReliabilityDisplay.from_predictions([0, 2], [sure, unsure], n_bins=5)
    >>> display.curve["accuracy"][-2:], round(display.error, 2)
    (array([nan,  1.]), 0.25)
    """

    figure_: Figure
    axes_: Array

    def __init__(self, curve: Mapping[str, Array], error: float) -> None:
        self.curve = curve
        self.error = error

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 15,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the reliability of a stager.

        Parameters
        ----------
        estimator : estimator
            A fitted stager with ``predict_proba``.
        X : EpochArray or array-like
            The epochs, of subjects that it was not fitted on.
        y : array-like of int of shape (n_epochs,)
            The expert's stages, 0 to 4.
        n_bins : int, default=15
            Number of bins of equal width, from 0 to 1.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        ReliabilityDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the stages are not codes from 0 to 4, or the lengths differ.
        """
        found = predict_stages(estimator, X)
        return cls.from_predictions(y, found, n_bins=n_bins, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        proba: Any,
        *,
        n_bins: int = 15,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the reliability of probabilities.

        Parameters
        ----------
        y_true : array-like of int of shape (n_epochs,)
            The expert's stages, 0 to 4.
        proba : array-like of shape (n_epochs, 5)
            Probability of each stage.
        n_bins : int, default=15
            Number of bins of equal width, from 0 to 1.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        ReliabilityDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the arrays do not fit together, or `n_bins` is not a positive integer.
        """
        curve = reliability_curve(y_true, proba, n_bins=n_bins)
        error = expected_calibration_error(y_true, proba, n_bins=n_bins)
        return cls(curve, error).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        ReliabilityDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not that of the panels.
        """
        self.axes_ = make_panels(
            ax, n_rows=2, size=(COLUMN, 2.2), sharex=True, heights=(3, 1)
        )
        upper, lower = self.axes_
        self.figure_ = upper.get_figure()
        widths = self.curve["high"] - self.curve["low"]
        known = self.curve["n_epochs"] > 0
        blue = DISTINCT[0]
        upper.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
        upper.plot(
            self.curve["confidence"][known],
            self.curve["accuracy"][known],
            color=blue,
            marker="o",
            clip_on=False,
        )
        upper.set(ylabel="accuracy", ylim=(0, 1))
        upper.set_title(f"calibration error {self.error:.3f}")
        style = {"align": "edge", "color": blue, "edgecolor": "white"}
        lower.bar(self.curve["low"], self.curve["n_epochs"], widths, **style)
        lower.set(ylabel="epochs", xlabel="confidence", xlim=(0, 1))
        for panel in self.axes_:
            panel.spines[["top", "right"]].set_visible(False)
        return self
