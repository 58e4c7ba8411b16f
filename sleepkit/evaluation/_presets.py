"""The protocols of the papers: who learns, who is tested, and with what."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import Array, IntArray, RandomState
from sleepkit.evaluation._folds import Folds
from sleepkit.model_selection import SubjectShuffleSplit
from sleepkit.recording import EpochArray
from sleepkit.utils import check_count, check_random_state, draw_seed


class Protocol(NamedTuple):
    """The folds of a paper, and what goes with them."""

    cv: Folds
    """Training and test rows of each fold."""
    parameters: dict[str, Any]
    """Parameters that its classifier needs for the protocol to be followed."""
    domains: IntArray | None = None
    """Number of each row's group of subjects, shape (n_rows,), where there are any."""


def medfusesleep_protocol(
    X: EpochArray,
    y: Any,
    *,
    n_splits: int = 1,
    n_validation: int = 100,
    random_state: RandomState = None,
) -> Protocol:
    """Split a cohort as the paper of MedFuseSleep splits SHHS-1.

    Subjects without an epoch of each of the five stages are left out. 30 % of the
    others, rounded up, are tested. Of those who remain, 100 are for the inner
    validation.

    Parameters
    ----------
    X : EpochArray
        The nights, trimmed beforehand (`sleepkit.preprocessing.trim_wake`).
    y : array-like of int of shape (n_rows,)
        Their stages.
    n_splits : int, default=1
        How often to draw test subjects anew.
    n_validation : int, default=100
        Number of validation subjects.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        Seed of the draws.

    Returns
    -------
    Protocol
        Folds; ``parameters`` has the ``validation_fraction`` that makes a sleepkit
        classifier hold out ``n_validation`` subjects.

    Raises
    ------
    ValueError
        If there are too few subjects.

    See Also
    --------
    noisy_folds : The noisy part of its test set.
    incomplete_training : The paper's training with modalities missing.

    Notes
    -----
    The paper calls the split stratified, and does not say by what: subjects are drawn
    at random, as in the lists that its authors published. These have 3,724 subjects for
    training, 100 for validation and 1,639 for test, which is what 5,463 subjects give.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import medfusesleep_protocol
    >>> X, y, _ = make_polysomnography(10, hours=1, random_state=0)
    >>> protocol = medfusesleep_protocol(X, y, n_validation=2, random_state=0)
    >>> [(train, test)] = protocol.cv
    >>> len(set(X.subject[train])), len(set(X.subject[test]))
    (6, 3)
    >>> protocol.parameters
    {'validation_fraction': 0.3333333333333333}
    """
    owner = "medfusesleep_protocol"
    check_count("n_splits", n_splits, owner=owner)
    check_count("n_validation", n_validation, owner=owner)
    rows = np.flatnonzero(_has_all_stages(X, np.asarray(y)))
    n_subjects = len(np.unique(X.subject[rows]))
    n_training = n_subjects - int(np.ceil(0.3 * n_subjects))
    if n_training <= n_validation:
        msg = (
            f"{owner} needs more training subjects than the {n_validation} for "
            f"validation; {n_subjects} subjects have all stages, which leaves "
            f"{n_training} for training."
        )
        raise ValueError(msg)
    seed = draw_seed(random_state)
    splitter = SubjectShuffleSplit(n_splits, test_size=0.3, random_state=seed)
    found = splitter.split(X[rows])
    folds: Folds = [(rows[train], rows[test]) for train, test in found]
    return Protocol(folds, {"validation_fraction": n_validation / n_training})


def _has_all_stages(X: EpochArray, y: IntArray) -> Array:
    """Find the rows of subjects who have an epoch of each stage."""
    names, number = np.unique(X.subject, return_inverse=True)
    seen = np.zeros((len(names), N_STAGES), np.bool_)
    seen[number, y] = True
    complete: Array = np.flatnonzero(seen.all(axis=1))
    return np.isin(number, complete)


def sleepmg_protocol(
    X: EpochArray, *, n_groups: int = 5, random_state: RandomState = None
) -> Protocol:
    """Split a cohort as the paper of SleepMG splits ISRUC-S3 and MASS-SS3.

    Subjects are dealt into five groups of about as many; each group is tested once,
    after training on the others, of whom 20 % are for the inner validation.

    Parameters
    ----------
    X : EpochArray
        The nights.
    n_groups : int, default=5
        Number of groups.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        Seed of the draw.

    Returns
    -------
    Protocol
        Folds; ``domains`` has the group of each row; ``parameters`` has
        ``validation_fraction`` and ``n_domains`` for `SleepMGClassifier`.

    Raises
    ------
    ValueError
        If there are fewer subjects than groups.

    Notes
    -----
    The paper calls its folds "leave-one-subject-out" and its groups "five domains with
    different subjects": ten subjects of ISRUC-S3 make groups of 2, and 62 of MASS-SS3
    groups of 12 or 13. A model sees four domains in training. `SleepMGClassifier` draws
    as many groups of its training subjects by itself, which need not be these. The
    paper does not say whether validation is by epoch or by subject: it is by subject
    here. It reports the scores of all folds pooled, as `StagingResult.scores` does.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import sleepmg_protocol
    >>> X, y, _ = make_polysomnography(10, hours=0.1, random_state=0)
    >>> protocol = sleepmg_protocol(X, random_state=0)
    >>> [len(set(X.subject[test])) for _, test in protocol.cv]
    [2, 2, 2, 2, 2]
    >>> protocol.parameters
    {'validation_fraction': 0.2, 'n_domains': 4}
    """
    check_count("n_groups", n_groups, owner="sleepmg_protocol", minimum=2)
    names, number = np.unique(X.subject, return_inverse=True)
    if len(names) < n_groups:
        msg = f"sleepmg_protocol needs {n_groups} subjects or more; got {len(names)}."
        raise ValueError(msg)
    dealt = check_random_state(random_state).permutation(len(names)) % n_groups
    domains = dealt[number]
    folds: Folds = [
        (np.flatnonzero(domains != group), np.flatnonzero(domains == group))
        for group in range(n_groups)
    ]
    return Protocol(
        folds, {"validation_fraction": 0.2, "n_domains": n_groups - 1}, domains
    )
