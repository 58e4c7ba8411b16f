"""Display of a confusion matrix, with numbers and shares of epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._stages import N_STAGES, STAGES
from sleepkit._typing import Array, IntArray
from sleepkit.metrics import scores_of_confusion
from sleepkit.plotting._panels import COLUMN, make_panels
from sleepkit.utils import check_stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SCORES: Final = ("accuracy", "kappa", "f1_macro")


class ConfusionDisplay:
    """Confusion matrix of the five stages: numbers of epochs, and shares of each row.

    `from_estimator` and `from_predictions` make and draw it; `plot` draws it again.

    Parameters
    ----------
    counts : ndarray of int of shape (5, 5)
        Numbers of epochs, with true stages as rows and predicted ones as columns.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        The panel.

    See Also
    --------
    sleepkit.metrics.scores_of_confusion : The scores in the title.

    Notes
    -----
    The cells are those of ``sklearn.metrics.ConfusionMatrixDisplay``, which shows
    either shares or numbers, and only the stages that occur. Colours are the shares:
    the diagonal is the recall of each stage.

    Examples
    --------
    >>> from sleepkit.plotting import ConfusionDisplay
    >>> display = ConfusionDisplay.from_predictions([0, 2, 2, 4], [0, 2, 1, 4])
    >>> display.counts[2].tolist()
    [0, 1, 1, 0, 0]
    """

    figure_: Figure
    axes_: Array

    def __init__(self, counts: IntArray) -> None:
        self.counts = counts

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: Axes | None = None
    ) -> Self:
        """Stage epochs and compare with an expert.

        Parameters
        ----------
        estimator : estimator
            A fitted stager.
        X : EpochArray or array-like
            The epochs, of subjects that it was not fitted on.
        y : array-like of int of shape (n_epochs,)
            The expert's stages, 0 to 4.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        ConfusionDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the stages are not codes from 0 to 4.
        """
        return cls.from_predictions(y, estimator.predict(X), ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: Any, *, ax: Axes | None = None
    ) -> Self:
        """Compare stages with an expert's.

        Parameters
        ----------
        y_true : array-like of int of shape (n_epochs,)
            The expert's stages, 0 to 4.
        y_pred : array-like of int of shape (n_epochs,)
            The stages to compare.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        ConfusionDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the stages are not codes from 0 to 4, or the lengths differ.
        """
        from sklearn.metrics import confusion_matrix

        pair = [
            check_stages(name, values, owner=cls.__name__, unscored=False)
            for name, values in {"y_true": y_true, "y_pred": y_pred}.items()
        ]
        return cls(confusion_matrix(*pair, labels=range(N_STAGES))).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        ConfusionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `counts` are not 5 by 5, or `ax` is not one of axes.
        """
        from sklearn.metrics import ConfusionMatrixDisplay

        scores = scores_of_confusion(self.counts)
        totals = self.counts.sum(axis=1, keepdims=True)
        shares = self.counts / np.maximum(totals, 1)
        self.axes_ = make_panels(ax, size=(COLUMN, 4.2))
        panel = self.axes_[0]
        self.figure_ = panel.get_figure()
        drawn = ConfusionMatrixDisplay(shares, display_labels=STAGES).plot(
            ax=panel, cmap="Blues", colorbar=False, im_kw={"vmin": 0, "vmax": 1}
        )
        for text, share, count in zip(
            drawn.text_.flat, shares.flat, self.counts.flat, strict=True
        ):
            text.set_text(f"{share:.0%}\n{count:d}" if count else "0")
        panel.set_title(", ".join(_named(name, scores[name]) for name in _SCORES))
        panel.set_xlabel("predicted stage")
        panel.set_ylabel("true stage")
        return self


def _named(name: str, score: Any) -> str:
    """Write a score with its name."""
    return f"{name.replace('f1_macro', 'macro-F1')} {score:.2f}"
