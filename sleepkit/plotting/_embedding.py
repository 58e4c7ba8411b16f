"""A map of features: which epochs a stager finds alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.manifold import TSNE

from sleepkit._stages import STAGES
from sleepkit._typing import Array, FloatArray, RandomState
from sleepkit.plotting._panels import COLORS, make_panels
from sleepkit.utils import check_positive, draw_seed, optional_import

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEWEST: Final = 4  # epochs that can be told near and far apart
_MAX_NAMES: Final = 12  # in a legend
_FEW_COLORS: Final = 10  # that no two of are alike


class EmbeddingDisplay:
    """Epochs as points on a plane, those with like features close, by t-SNE.

    Made by `from_estimator` or `from_features`; `plot` draws it again.

    Parameters
    ----------
    embedding : ndarray of float of shape (n_epochs, 2)
        The points.
    stages : ndarray of shape (n_epochs,)
        Stage of each epoch.
    subject : ndarray of shape (n_epochs,), default=None
        Subject of each epoch.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Its panels: points coloured by stage, and by subject where that is known.

    See Also
    --------
    sleepkit.classifiers.SleepMGClassifier.transform : Features to look at.

    Notes
    -----
    Figure 6 of the SleepMG paper, by stage; features that generalise show stages, and
    mix subjects. Distances between far points mean little in t-SNE.

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
        """Draw the features that a fitted stager extracts.

        Parameters
        ----------
        estimator : object
            A fitted `sleepkit.classifiers.SleepMGClassifier`, a pipeline that ends with
            one, or anything else with `transform`.
        X : EpochArray or array-like
            The epochs. The time that t-SNE takes grows faster than their number:
            ``X[::10]`` shows as much.
        y : array-like of shape (n_epochs,)
            Stage of each epoch: codes or names.
        subject : array-like of shape (n_epochs,), default=None
            Subject of each epoch; None takes those that an `EpochArray` knows.
        perplexity : float, default=30.0
            About how many neighbours of a point count; fewer where epochs are few.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
            Seed of t-SNE.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Where to draw: one for stages, and one for subjects where they are known.
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
        """Draw features.

        Parameters
        ----------
        features : array-like of shape (n_epochs, n_features)
            The features.
        stages : array-like of shape (n_epochs,)
            Stage of each epoch: codes or names.
        subject : array-like of shape (n_epochs,), default=None
            Subject of each epoch; adds a panel.
        perplexity : float, default=30.0
            About how many neighbours of a point count; fewer where epochs are few.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
            Seed of t-SNE.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Where to draw: one for each panel. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If lengths differ, or there are fewer than four epochs.
        """
        check_positive("perplexity", perplexity, owner=cls.__name__)
        features = np.asarray(features, dtype=float)
        features = features.reshape(len(features), -1)
        stages = _of_length("stages", stages, len(features))
        if subject is not None:
            subject = _of_length("subject", subject, len(features))
        if len(features) < _FEWEST:
            msg = f"{cls.__name__} needs {_FEWEST} epochs or more; got {len(features)}."
            raise ValueError(msg)
        seed = draw_seed(random_state)
        few = (len(features) - 1) / 3  # as many neighbours as t-SNE can have at most
        made = TSNE(perplexity=min(perplexity, few), init="random", random_state=seed)
        return cls(made.fit_transform(features), stages, subject=subject).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Where to draw: one for each panel. None makes a figure.

        Returns
        -------
        EmbeddingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are more or fewer axes than panels.
        """
        panels = {"stage": _stage_names(self.stages)}
        if self.subject is not None:
            panels["subject"] = self.subject
        self.axes_ = make_panels(ax, n_columns=len(panels), size=(4.8, 4.0))
        self.figure_ = self.axes_[0].get_figure()
        for panel, (name, labels) in zip(self.axes_, panels.items(), strict=True):
            _draw_points(panel, self.embedding, labels)
            panel.set_title(f"by {name}")
        return self


def _draw_points(ax: Axes, points: FloatArray, labels: Array) -> None:
    """Draw all points in one go, so that no label lies on top of the others."""
    colors = _colors(labels)
    order = np.random.default_rng(0).permutation(len(points))
    x, y = points[order].T
    of_points = [colors[label] for label in labels[order]]
    ax.scatter(x, y, s=9, c=of_points, alpha=0.8, linewidths=0)
    if len(colors) <= _MAX_NAMES:
        for label, color in colors.items():
            ax.scatter([], [], s=30, color=color, label=str(label))
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="datalim")


def _stage_names(stages: Array) -> Array:
    """Name stage codes; other labels are names."""
    if stages.dtype.kind not in "iu" or not np.isin(stages, range(len(STAGES))).all():
        return stages
    return np.asarray(STAGES)[stages]


def _colors(labels: Array) -> dict[Any, Any]:
    """Give stages the colours of the hypnogram, and others colours in turn."""
    kinds = np.unique(labels)
    if np.isin(kinds, STAGES).all():
        return {name: COLORS[i] for i, name in enumerate(STAGES) if name in kinds}
    palette = "tab10" if len(kinds) <= _FEW_COLORS else "tab20"
    some = optional_import("matplotlib", extra="plot").colormaps[palette].colors
    return {kind: some[i % len(some)] for i, kind in enumerate(kinds)}


def _of_length(name: str, values: Any, length: int) -> Array:
    """Require one label for each epoch."""
    labels: Array = np.asarray(values)
    if labels.shape != (length,):
        msg = f"{name!r} must have the shape {(length,)}. Got {labels.shape}."
        raise ValueError(msg)
    return labels
