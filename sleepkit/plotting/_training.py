"""Display of a training history, over the epochs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.plotting._panels import COLUMN, draw_curve, make_panels
from sleepkit.utils import last_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_IMBALANCE: Final = ("classifier_imbalance", "discriminator_imbalance")


class TrainingDisplay:
    """Quantities of a training history over the epochs, one panel each.

    `from_estimator` and `from_history` make and draw it; `plot` draws it again, also
    into the axes of another display.

    Parameters
    ----------
    curves : mapping of str to ndarray of shape (n_epochs,)
        Each quantity over the epochs; NaN where it was not recorded.
    name : str, default=None
        Name in the legend.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Panels from top to bottom, one for each quantity.

    See Also
    --------
    sleepkit.training.ModalityBalance : Callback that records the imbalance.

    Notes
    -----
    The imbalance of classifier and discriminator is shown in figure 4 of the SleepMG
    paper, ``"valid_accuracy"`` in its figure 5.

    Examples
    --------
    >>> from sleepkit.plotting import TrainingDisplay
    >>> history = [{"valid_accuracy": 0.5}, {"valid_accuracy": 0.7}]
    >>> display = TrainingDisplay.from_history(history, ["valid_accuracy"])
    >>> display.axes_[0].get_ylabel()
    'validation accuracy'
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self, curves: Mapping[str, FloatArray], *, name: str | None = None
    ) -> None:
        self.curves = curves
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        quantities: Sequence[str] = _IMBALANCE,
        *,
        name: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the last training of a stager.

        Parameters
        ----------
        estimator : SleepClassifier or Pipeline
            A fitted stager, or a pipeline that ends with one.
        quantities : sequence of str, \
default=("classifier_imbalance", "discriminator_imbalance")
            Columns of the history, such as ``"valid_accuracy"`` or ``"train_loss"``.
        name : str, default=None
            Name in the legend; None is the name of the class.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each quantity. None makes a figure.

        Returns
        -------
        TrainingDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If a quantity is not in the history.
        """
        from sklearn.utils.validation import check_is_fitted

        final = last_step(estimator)
        check_is_fitted(final, "net_")
        name = type(final).__name__ if name is None else name
        return cls.from_history(final.net_.history, quantities, name=name, ax=ax)

    @classmethod
    def from_history(
        cls,
        history: Iterable[Mapping[str, Any]],
        quantities: Sequence[str] = _IMBALANCE,
        *,
        name: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the history of a training.

        Parameters
        ----------
        history : iterable of mapping
            One row for each epoch, such as ``net.history`` of skorch.
        quantities : sequence of str, \
default=("classifier_imbalance", "discriminator_imbalance")
            Columns of the history.
        name : str, default=None
            Name in the legend; None draws no legend.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each quantity. None makes a figure.

        Returns
        -------
        TrainingDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If a quantity is not in the history.
        """
        rows = list(history)
        known = {key for row in rows for key in row if np.isscalar(row[key])}
        for quantity in quantities:
            if quantity not in known:
                msg = (
                    f"The 'quantities' parameter must hold columns of the history: "
                    f"{', '.join(sorted(known)) or 'none'}. Got {quantity!r} instead."
                )
                raise ValueError(msg)
        curves = {
            quantity: np.array([row.get(quantity, np.nan) for row in rows], float)
            for quantity in quantities
        }
        return cls(curves, name=name).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each quantity. None makes a figure.

        Returns
        -------
        TrainingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not that of the quantities.
        """
        self.axes_ = make_panels(ax, n_rows=len(self.curves), size=(COLUMN, 2.2))
        self.figure_ = self.axes_[0].get_figure()
        for panel, (quantity, values) in zip(
            self.axes_, self.curves.items(), strict=True
        ):
            draw_curve(panel, values, len(panel.get_lines()), self.name)
            panel.set_ylabel(_label(quantity))
        if self.name is not None:
            self.axes_[-1].legend(frameon=False)
        return self


def _label(quantity: str) -> str:
    """Format the name of a column as a label."""
    return re.sub(r"^valid_", "validation ", quantity).replace("_", " ")
