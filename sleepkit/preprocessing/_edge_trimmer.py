"""Surplus wake before and after sleep: masked for training, or cut off."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sleepkit._stages import UNSCORED
from sleepkit._typing import BoolArray, FloatArray
from sleepkit.preprocessing._base import EpochTransformer
from sleepkit.recording import EpochArray, as_epoch_array, is_epoch_like
from sleepkit.signal import trim_bounds
from sleepkit.utils import check_positive


class EdgeTrimmer(EpochTransformer):
    """Mask of surplus wake before and after sleep, for training only.

    `fit_transform` sets ``train_mask`` to False for surplus rows, so that no estimator
    is trained on them; `transform` masks nothing, since rows to be staged have no
    stages yet. Neither drops a row, and sleep is never masked. Published results trim
    the test nights too: for that use `trim_wake`, before splitting.

    Parameters
    ----------
    rule : {"symmetric", "evening_first", "margin"}, default="symmetric"
        Which wake is surplus, see ``sleepkit.signal.trim_bounds``.
    margin : float, default=1800.0
        Seconds of wake that rule ``"margin"`` keeps on either side of sleep.

    See Also
    --------
    trim_wake : Drops the rows, of training and test nights alike.
    FitOnSelected : Makes any scikit-learn estimator respect the mask.

    Notes
    -----
    Stages come from ``y`` only; epochs without a row count as unscored. Plain arrays
    pass unchanged, since their rows belong to no recording.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import EdgeTrimmer
    >>> from sleepkit.recording import EpochArray
    >>> y = np.array([0, 0, 0, 0, 2, 2, 0, 0, 0])
    >>> X = EpochArray.from_arrays(np.zeros((9, 3)), recording="night")
    >>> EdgeTrimmer().fit_transform(X, y).train_mask
    array([False, False,  True,  True,  True,  True,  True, False, False])
    >>> EdgeTrimmer().fit(X, y).transform(X).train_mask.all()
    np.True_
    """

    def __init__(self, rule: str = "symmetric", *, margin: float = 1800.0) -> None:
        self.rule = rule
        self.margin = margin

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Mask surplus wake for training.

        Parameters
        ----------
        X : EpochArray or array-like
            The training rows.
        y : array-like of int, shape (n_rows,), default=None
            Their stages; required for an `EpochArray`.

        Returns
        -------
        EpochArray or ndarray
            All rows; in an `EpochArray`, ``train_mask`` is False for surplus rows and
            for those masked before.

        Raises
        ------
        ValueError
            If `X` is an `EpochArray` and `y` is None.
        """
        transformed = self.fit(X, y).transform(X)
        if not isinstance(transformed, EpochArray):
            return transformed
        if y is None:
            msg = (
                "EdgeTrimmer.fit_transform needs the stages of the rows as y; got None."
            )
            raise ValueError(msg)
        kept = _kept_rows(transformed, y, self.rule, self.margin)
        return transformed.with_train_mask(transformed.train_mask & kept)

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Check the parameters."""
        trim_bounds(np.empty(0, np.int8), rule=self.rule)
        check_positive("margin", self.margin, owner="EdgeTrimmer", zero=True)

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Return the rows as they are."""
        return X

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Return the array as it is."""
        return X


def trim_wake(
    X: EpochArray,
    y: Any,
    groups: Any = None,
    *,
    rule: str = "symmetric",
    margin: float = 1800.0,
) -> tuple[EpochArray, Any, Any]:
    """Cut surplus wake off recordings, before they are split for training and testing.

    Each recording is trimmed by its own stages, so there is no leakage between them.
    But scores of trimmed nights differ from those of whole nights: report the rule with
    every score.

    Parameters
    ----------
    X : EpochArray
        The rows.
    y : array-like of int, shape (n_rows,)
        Their stages.
    groups : array-like, shape (n_rows,), default=None
        Groups for the splitter; None means the subjects of `X`.
    rule : {"symmetric", "evening_first", "margin"}, default="symmetric"
        Which wake is surplus, see ``sleepkit.signal.trim_bounds``.
    margin : float, default=1800.0
        Seconds of wake that rule ``"margin"`` keeps on either side of sleep.

    Returns
    -------
    X : EpochArray
        The remaining rows. Their recordings stay whole, as context.
    y : ndarray of int
        Their stages.
    groups : ndarray
        Their groups.

    Raises
    ------
    TypeError
        If `X` is a plain array, whose rows belong to no recording.

    See Also
    --------
    EdgeTrimmer : Keeps the rows, but masks them for training.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import trim_wake
    >>> from sleepkit.recording import EpochArray
    >>> y = np.array([0, 0, 0, 0, 2, 2, 0, 0, 0])
    >>> X = EpochArray.from_arrays(np.zeros((9, 3)), recording="night", subject="ada")
    >>> X, y, groups = trim_wake(X, y)
    >>> X.epoch, y, groups
    (array([2, 3, 4, 5, 6]), array([0, 0, 2, 2, 0]),
     array(['ada', 'ada', 'ada', 'ada', 'ada'], dtype='<U3'))
    """
    if not is_epoch_like(X):
        msg = (
            "trim_wake needs an EpochArray, whose rows belong to recordings; got "
            f"{type(X).__name__}. Make one with EpochArray.from_arrays(X, "
            "recording=..., epoch=...)."
        )
        raise TypeError(msg)
    check_positive("margin", margin, owner="trim_wake", zero=True)
    X = as_epoch_array(X)
    groups = X.subject if groups is None else np.asarray(groups)
    check_consistent_length(X, y, groups)
    kept = _kept_rows(X, y, rule, margin)
    return X[kept], np.asarray(y)[kept], groups[kept]


def _kept_rows(X: EpochArray, y: Any, rule: str, margin: float) -> BoolArray:
    """Mark the rows that are not surplus wake, by the stages of each recording in y."""
    y = np.asarray(y)
    check_consistent_length(X, y)
    kept = np.ones(len(X), np.bool_)
    for recording, rows, epochs in X.by_recording():
        # int8 beside the type of y, because UNSCORED is no unsigned number
        dtype = np.result_type(y.dtype, np.int8)
        stages = np.full(recording.n_epochs, UNSCORED, dtype)
        stages[epochs] = y[rows]
        n_epochs = round(margin / recording.epoch_duration)
        bounds = trim_bounds(stages, rule=rule, margin=n_epochs)
        kept[rows] = (epochs >= bounds.start) & (epochs < bounds.stop)
    return kept
