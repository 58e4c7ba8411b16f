"""Display of features in two dimensions, by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._stages import STAGES
from sleepkit._typing import Array, FloatArray, RandomState
from sleepkit.plotting._panels import COLORS, COLUMN, DISTINCT, make_panels
from sleepkit.utils import check_positive, draw_seed, optional_import

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MIN_EPOCHS: Final = 4  # for t-SNE with a perplexity of 1
_MAX_LABELS: Final = 12  # in a legend


class EmbeddingDisplay:
    """Epochs as points in a plane, placed by t-SNE of their features.

    `from_estimator` and `from_features` make and draw it; `plot` draws it again.

    Parameters
    ----------
    embedding : ndarray of float of shape (n_epochs, 2)
        Coordinates of the points.
    stages : ndarray of shape (n_epochs,)
        Stage of each epoch.
    subject : ndarray of shape (n_epochs,), default=None
        Subject of each epoch.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Panels: points coloured by stage, and by subject where it is given.

    See Also
    --------
    sleepkit.classifiers.SleepMGClassifier.transform : Features of a net.

    Notes
    -----
    Figure 6 of the SleepMG paper, by stage. Features that generalise separate stages
    and mix subjects. Large distances mean little in t-SNE.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.plotting import EmbeddingDisplay
    >>> Z = np.random.default_rng(0).normal(size=(12, 3))
    >>> display = EmbeddingDisplay.from_features(Z, [0, 1, 2] * 4, random_state=0)
    >>> display.embedding.shape, display.axes_.shape
    ((12, 2), (1,))
    """

    figure_: Figure
    axes_: Array

    def __init__(
        self, embedding: FloatArray, stages: Array, *, subject: Array | None = None
    ) -> None:
        self.embedding = embedding
        self.stages = stages
        self.subject = subject

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        subject: Any = None,
        perplexity: float = 30.0,
        random_state: RandomState = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the features of a fitted stager.

        Parameters
        ----------
        estimator : object
            A fitted `sleepkit.classifiers.SleepMGClassifier`, a pipeline that ends with
            one, or anything else with `transform`.
        X : EpochArray or array-like
            The epochs. The time of t-SNE grows faster than their number: ``X[::10]``
            shows the same structure.
        y : array-like of shape (n_epochs,)
            Stage of each epoch: codes or names.
        subject : array-like of shape (n_epochs,), default=None
            Subject of each epoch; None takes ``X.subject`` of an `EpochArray`.
        perplexity : float, default=30.0
            Approximate number of neighbours of a point; reduced for few epochs.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
            Seed of t-SNE.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in: one for stages, and one for subjects where they are known.
            None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If lengths differ, or there are fewer than four epochs.
        """
        return cls.from_features(
            estimator.transform(X),
            y,
            subject=getattr(X, "subject", None) if subject is None else subject,
            perplexity=perplexity,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_features(
        cls,
        features: Any,
        stages: Any,
        *,
        subject: Any = None,
        perplexity: float = 30.0,
        random_state: RandomState = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw features of epochs.

        Parameters
        ----------
        features : array-like of shape (n_epochs, n_features)
            The features.
        stages : array-like of shape (n_epochs,)
            Stage of each epoch: codes or names.
        subject : array-like of shape (n_epochs,), default=None
            Subject of each epoch; adds a panel.
        perplexity : float, default=30.0
            Approximate number of neighbours of a point; reduced for few epochs.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
            Seed of t-SNE.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If lengths differ, or there are fewer than four epochs.
        """
        from sklearn.manifold import TSNE

        check_positive("perplexity", perplexity, owner=cls.__name__)
        features = np.asarray(features, dtype=float)
        features = features.reshape(len(features), -1)
        stages = _of_length("stages", stages, len(features))
        if subject is not None:
            subject = _of_length("subject", subject, len(features))
        if len(features) < _MIN_EPOCHS:
            n = len(features)
            msg = f"{cls.__name__} needs {_MIN_EPOCHS} epochs or more; got {n}."
            raise ValueError(msg)
        seed = draw_seed(random_state)
        limit = (len(features) - 1) / 3  # the largest perplexity that t-SNE allows
        tsne = TSNE(perplexity=min(perplexity, limit), init="random", random_state=seed)
        return cls(tsne.fit_transform(features), stages, subject=subject).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not that of the panels.
        """
        panels = {"stage": _stage_names(self.stages)}
        if self.subject is not None:
            panels["subject"] = self.subject
        self.axes_ = make_panels(ax, n_rows=len(panels), size=(COLUMN, 3.4))
        self.figure_ = self.axes_[0].get_figure()
        for panel, (name, labels) in zip(self.axes_, panels.items(), strict=True):
            _draw_points(panel, self.embedding, labels)
            panel.set_title(f"by {name}")
        return self


def _draw_points(ax: Axes, points: FloatArray, labels: Array) -> None:
    """Draw all points in random order, so that no label covers the others."""
    colors = _colors(labels)
    order = np.random.default_rng(0).permutation(len(points))
    x, y = points[order].T
    of_points = [colors[label] for label in labels[order]]
    ax.scatter(x, y, s=9, c=of_points, alpha=0.8, linewidths=0)
    if len(colors) <= _MAX_LABELS:
        for label, color in colors.items():
            ax.scatter([], [], s=30, color=color, label=str(label))
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="datalim")


def _stage_names(stages: Array) -> Array:
    """Turn stage codes into names; keep other labels."""
    if stages.dtype.kind not in "iu" or not np.isin(stages, range(len(STAGES))).all():
        return stages
    return np.asarray(STAGES)[stages]


def _colors(labels: Array) -> dict[Any, Any]:
    """Return a colour for each label: for stages, that of the hypnogram."""
    kinds = np.unique(labels)
    if np.isin(kinds, STAGES).all():
        return {name: COLORS[i] for i, name in enumerate(STAGES) if name in kinds}
    some: Sequence[Any] = DISTINCT
    if len(kinds) > len(DISTINCT):  # so many are not distinct for everyone
        some = optional_import("matplotlib", extra="plot").colormaps["tab20"].colors
    return {kind: some[i % len(some)] for i, kind in enumerate(kinds)}


def _of_length(name: str, values: Any, length: int) -> Array:
    """Require one label for each epoch."""
    labels: Array = np.asarray(values)
    if labels.shape != (length,):
        msg = f"{name!r} must have the shape {(length,)}. Got {labels.shape}."
        raise ValueError(msg)
    return labels
