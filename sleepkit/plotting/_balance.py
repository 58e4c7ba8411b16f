"""Display of the balance of modalities over the training."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._typing import Array, FloatArray
from sleepkit.plotting._panels import COLUMN, INK, draw_curve, make_panels
from sleepkit.utils import check_option, last_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABELS: Final = {
    "share": "share of performance",
    "score": "performance",
    "rho": "coefficient",
    "step": "factor of the step",
}


class BalanceDisplay:
    """Balance of the modalities over the epochs of a training, a line for each.

    `from_estimator` and `from_history` make and draw it; `plot` draws it again.

    Parameters
    ----------
    curves : mapping of str to mapping of str to ndarray of shape (n_epochs,)
        ``curves[head][modality]`` over the epochs; NaN where it was not recorded.
    quantity : {"share", "score", "rho", "step"}, default="share"
        What the curves are.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Panels from top to bottom, one for each head that was measured.

    See Also
    --------
    sleepkit.training.ModalityBalance : Callback that records the balance.
    TrainingDisplay : The imbalance as one number, and any other quantity.

    Examples
    --------
    >>> from sleepkit.plotting import BalanceDisplay
    >>> history = [
    ...     {"classifier_share_eeg": 0.7, "classifier_share_eog": 0.3},
    ...     {"classifier_share_eeg": 0.6, "classifier_share_eog": 0.4},
    ... ]
    >>> BalanceDisplay.from_history(history).curves["classifier"]["eog"]
    array([0.3, 0.4])
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self,
        curves: Mapping[str, Mapping[str, FloatArray]],
        *,
        quantity: str = "share",
    ) -> None:
        self.curves = curves
        self.quantity = quantity

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        quantity: str = "share",
        *,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the balance in the last training of a stager.

        Parameters
        ----------
        estimator : SleepMGClassifier or Pipeline
            A fitted stager that was trained with `sleepkit.training.ModalityBalance`,
            or a pipeline that ends with one.
        quantity : {"share", "score", "rho", "step"}, default="share"
            The share of each modality in the performance, the performance itself, the
            coefficient of its gradient, or what the optimizer leaves of that.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each head. None makes a figure.

        Returns
        -------
        BalanceDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the training did not record the quantity.
        """
        from sklearn.utils.validation import check_is_fitted

        final = last_step(estimator)
        check_is_fitted(final, "net_")
        return cls.from_history(final.net_.history, quantity, ax=ax)

    @classmethod
    def from_history(
        cls,
        history: Iterable[Mapping[str, Any]],
        quantity: str = "share",
        *,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the balance in the history of a training.

        Parameters
        ----------
        history : iterable of mapping
            One row for each epoch, such as ``net.history`` of skorch.
        quantity : {"share", "score", "rho", "step"}, default="share"
            As of `from_estimator`.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each head. None makes a figure.

        Returns
        -------
        BalanceDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the history does not hold the quantity.
        """
        check_option("quantity", quantity, _LABELS, owner=cls.__name__)
        rows = list(history)
        curves: dict[str, dict[str, FloatArray]] = {}
        for column in dict.fromkeys(key for row in rows for key in row):
            found = re.fullmatch(rf"([a-z]+)_{quantity}_(.+)", column)
            if found:
                values = np.array([row.get(column, np.nan) for row in rows], float)
                curves.setdefault(found[1], {})[found[2]] = values
        if not curves:
            msg = (
                f"{cls.__name__} needs a history with the {quantity} of each modality, "
                "as sleepkit.training.ModalityBalance records it; got none."
            )
            raise ValueError(msg)
        return cls(curves, quantity=quantity).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each head. None makes a figure.

        Returns
        -------
        BalanceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not that of the heads.
        """
        self.axes_ = make_panels(ax, n_rows=len(self.curves), size=(COLUMN, 2.2))
        self.figure_ = self.axes_[0].get_figure()
        for panel, (head, lines) in zip(self.axes_, self.curves.items(), strict=True):
            if self.quantity == "share":
                panel.axhline(1 / len(lines), color=INK, linewidth=0.8)
            for place, (modality, values) in enumerate(lines.items()):
                draw_curve(panel, values, place, modality)
            panel.set_title(head)
            panel.set_ylabel(_LABELS[self.quantity])
            panel.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return self
