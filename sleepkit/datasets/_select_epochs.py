"""The epochs that a publication counts, by named steps in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from sleepkit._stages import N1, N_STAGES, UNSCORED
from sleepkit._typing import Array, BoolArray, IntArray
from sleepkit.preprocessing import trim_wake
from sleepkit.recording import EpochArray
from sleepkit.utils import check_count, check_option, check_positive

Step: TypeAlias = str | tuple[str, Mapping[str, Any]]
_OWNER: Final = "select_epochs"


class StepCount(NamedTuple):
    """One step of selecting epochs, and what it leaves.

    Parameters
    ----------
    step : str
        The step with its options.
    n_recordings : int
        Number of recordings that are left.
    n_epochs : int
        Number of epochs that are left.

    See Also
    --------
    select_epochs : Returns one for each step.

    Examples
    --------
    >>> from sleepkit.datasets import StepCount
    >>> StepCount("drop_unscored", 10, 8589).n_epochs
    8589
    """

    step: str
    n_recordings: int
    n_epochs: int


def select_epochs(
    X: EpochArray, steps: Sequence[Step]
) -> tuple[EpochArray, IntArray, Array, list[StepCount]]:
    """Select the epochs that a publication counts, by named steps in their order.

    The order matters: wake around sleep is another stretch before unscored epochs are
    dropped than after, and a recording may lose its only epoch of a stage.

    Parameters
    ----------
    X : EpochArray
        Recordings; the steps begin with all of their epochs, unscored ones too.
    steps : sequence of str or (str, dict)
        The steps, with options in a dict:

        ``"drop_unscored"``
            leaves out epochs without a stage; one of the steps has to.
        ``("trim_wake", {"rule": "margin", "margin": 1800.0, "unscored": "ignored"})``
            cuts wake around sleep: `rule` and `margin` (in seconds) as for
            `sleepkit.preprocessing.trim_wake`; with ``"unscored": "sleep"``, an
            unscored epoch that is left counts as sleep where the first and the last
            are found.
        ``("drop_last_epochs", {"n_epochs": 30})``
            cuts the end of each recording.
        ``"require_all_stages"``
            leaves out recordings that lack one of the five stages.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        The epochs that are left. Their recordings stay whole, as context.
    y : ndarray of int of shape (n_epochs,)
        Their stages.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects.
    provenance : list of StepCount
        The steps in their order, each with what it left.

    Raises
    ------
    ValueError
        If a step is unknown, or unscored epochs are left.
    TypeError
        If a step has no such option.

    See Also
    --------
    check_counts : Compares what is left with published counts.
    sleepkit.preprocessing.trim_wake : Cuts wake off the rows that there are.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.datasets import select_epochs
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eeg = Signal(np.zeros((1, 18000)), 100)
    >>> stages = [0, 0, 2, -1, 0, 0]
    >>> night = Recording(id="n", subject="s", signals={"eeg": eeg}, hypnogram=stages)
    >>> trim = ("trim_wake", {"rule": "margin", "margin": 30})
    >>> X, y, groups, provenance = select_epochs(
    ...     EpochArray([night]), [trim, "drop_unscored"]
    ... )
    >>> X.epoch.tolist(), [step.n_epochs for step in provenance]
    ([1, 2], [3, 2])
    """
    X = EpochArray(X.recordings, include_unscored=True)
    provenance = []
    for step in steps:
        name, options = (step, {}) if isinstance(step, str) else step
        check_option("steps", name, _STEPS, owner=_OWNER)
        X = X[_STEPS[name](X, **options)]
        parts = ", ".join(f"{key}={value!r}" for key, value in options.items())
        text = f"{name}({parts})" if parts else name
        provenance.append(StepCount(text, len(X.recordings), len(X)))
    if (X.hypnogram == UNSCORED).any():
        msg = (
            f"The 'steps' parameter of {_OWNER} must hold 'drop_unscored' where epochs "
            f"are unscored. Got {list(steps)!r} instead."
        )
        raise ValueError(msg)
    return X, X.hypnogram.astype(np.int64), X.subject, provenance


def _drop_unscored(X: EpochArray) -> BoolArray:
    """Mark the epochs that have a stage."""
    scored: BoolArray = X.hypnogram != UNSCORED
    return scored


def _drop_last_epochs(X: EpochArray, *, n_epochs: int) -> BoolArray:
    """Mark the epochs that are not among the last of their recording."""
    n_epochs = check_count("n_epochs", n_epochs, owner=_OWNER, minimum=0)
    kept = np.ones(len(X), np.bool_)
    for recording, rows, epochs in X.by_recording():
        kept[rows] = epochs < recording.n_epochs - n_epochs
    return kept


def _trim_wake(
    X: EpochArray,
    *,
    rule: str = "symmetric",
    margin: float = 1800.0,
    unscored: str = "ignored",
) -> IntArray:
    """Return the rows of the epochs that are not surplus wake."""
    check_positive("margin", margin, owner=_OWNER, zero=True)
    check_option("unscored", unscored, ("ignored", "sleep"), owner=_OWNER)
    stages = X.hypnogram
    if unscored == "sleep":  # not so epochs that earlier steps left out
        stages = np.where(stages == UNSCORED, N1, stages)
    rows = np.arange(len(X))  # as groups, of which those of the kept epochs are left
    kept: IntArray = trim_wake(X, stages, rows, rule=rule, margin=margin)[2]
    return kept


def _require_all_stages(X: EpochArray) -> BoolArray:
    """Mark the epochs of recordings with an epoch of each stage."""
    kept = np.zeros(len(X), np.bool_)
    for _, rows, _ in X.by_recording():
        kept[rows] = np.isin(range(N_STAGES), X.hypnogram[rows]).all()
    return kept


_STEPS: Final[Mapping[str, Callable[..., BoolArray | IntArray]]] = {
    "drop_last_epochs": _drop_last_epochs,
    "drop_unscored": _drop_unscored,
    "require_all_stages": _require_all_stages,
    "trim_wake": _trim_wake,
}
