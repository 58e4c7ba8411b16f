"""Evaluation protocols of the papers: folds, noisy nights, incomplete training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import Array, IntArray, RandomState
from sleepkit.model_selection import SubjectShuffleSplit
from sleepkit.preprocessing import noisy_recordings
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_count, check_random_state, draw_seed

Folds: TypeAlias = list[tuple[IntArray, IntArray]]


class Protocol(NamedTuple):
    """Folds of a paper, with the parameters and domains that belong to them."""

    cv: Folds
    """Training and test rows of each fold."""
    parameters: dict[str, Any]
    """Parameters of the classifier that the protocol sets."""
    domains: IntArray | None = None
    """Group of subjects of each row, shape (n_rows,), where the protocol has groups."""


def medfusesleep_protocol(
    X: EpochArray,
    y: Any,
    *,
    n_splits: int = 1,
    n_validation: int = 100,
    random_state: RandomState = None,
) -> Protocol:
    """Split a cohort as the paper of MedFuseSleep splits SHHS-1.

    Subjects that lack one of the five stages are left out. Of the others, 30 %,
    rounded up, are the test set; 100 of the remaining are for the inner validation.

    Parameters
    ----------
    X : EpochArray
        Nights, trimmed beforehand (`sleepkit.preprocessing.trim_wake`).
    y : array-like of int of shape (n_rows,)
        Their stages.
    n_splits : int, default=1
        Number of random splits.
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
    noisy_folds : Noisy nights of the test set only.
    incomplete_training : Training subjects with one modality only.

    Notes
    -----
    The paper calls the split stratified, but does not say by what. Here subjects are
    drawn at random, as in the lists that its authors published: 3,724 subjects for
    training, 100 for validation and 1,639 for test, which are the numbers for 5,463
    subjects.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import medfusesleep_protocol
    >>> X, y, _ = make_polysomnography(10, hours=1, random_state=0)
    >>> protocol = medfusesleep_protocol(X, y, n_validation=2, random_state=0)
    >>> [(train, test)] = protocol.cv
    >>> len(set(X.subject[train])), len(set(X.subject[test]))
    (5, 3)
    >>> protocol.parameters
    {'validation_fraction': 0.4}
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
    """Return a mask of the rows of subjects with an epoch of each stage."""
    names, number = np.unique(X.subject, return_inverse=True)
    seen = np.zeros((len(names), N_STAGES), np.bool_)
    seen[number, y] = True
    complete: Array = np.flatnonzero(seen.all(axis=1))
    return np.isin(number, complete)


def sleepmg_protocol(
    X: EpochArray, *, n_groups: int = 5, random_state: RandomState = None
) -> Protocol:
    """Split a cohort as the paper of SleepMG splits ISRUC-S3 and MASS-SS3.

    Subjects are assigned at random to five groups of about equal size. Each group is
    the test set once; 20 % of the other subjects are for the inner validation.

    Parameters
    ----------
    X : EpochArray
        Nights.
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
    different subjects": groups of 2 for the ten subjects of ISRUC-S3, of 12 or 13 for
    the 62 of MASS-SS3. So a model is trained on four domains. `SleepMGClassifier` draws
    as many groups of its training subjects by itself, which can differ from these. The
    paper does not say whether validation is by epoch or by subject; here it is by
    subject. It reports the scores of all folds pooled, as `StagingResult.scores` does.

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
    group_of = check_random_state(random_state).permutation(len(names)) % n_groups
    domains = group_of[number]
    folds: Folds = [
        (np.flatnonzero(domains != group), np.flatnonzero(domains == group))
        for group in range(n_groups)
    ]
    return Protocol(
        folds, {"validation_fraction": 0.2, "n_domains": n_groups - 1}, domains
    )


def noisy_folds(X: EpochArray, cv: Iterable[tuple[Any, Any]], **rule: Any) -> Folds:
    """Keep only the noisy nights in the test set of each fold.

    Parameters
    ----------
    X : EpochArray
        Nights with continuous signals in microvolts.
    cv : iterable of (train, test)
        Folds, as in `Protocol`.
    **rule : object
        Parameters of `sleepkit.preprocessing.noisy_recordings`, which default to the
        rule of the MedFuseSleep paper.

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        Folds that have a noisy night, with unchanged training rows.

    Raises
    ------
    ValueError
        If no night is noisy.

    See Also
    --------
    sleepkit.preprocessing.noisy_recordings : Rule for noisy nights.

    Notes
    -----
    Whole nights of test subjects are chosen. The paper chooses patients, and SHHS-1 has
    one night of each.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import noisy_folds, sleepmg_protocol
    >>> X, y, _ = make_polysomnography(4, hours=0.1, random_state=0)
    >>> cv = sleepmg_protocol(X, n_groups=2, random_state=0).cv
    >>> [len(test) for _, test in noisy_folds(X, cv, threshold=5)]
    [24, 24]
    """
    folds = _list_folds(X, cv)
    tested = X[np.unique(np.concatenate([test for _, test in folds]))]
    noisy = noisy_recordings(tested, **rule)
    names = [r.id for r, bad in zip(tested.recordings, noisy, strict=True) if bad]
    chosen = [(train, test[np.isin(X.recording[test], names)]) for train, test in folds]
    kept = [(train, test) for train, test in chosen if len(test)]
    if not kept:
        msg = f"noisy_folds found none of {len(noisy)} test nights to be noisy."
        raise ValueError(msg)
    return kept


def incomplete_training(
    X: EpochArray,
    cv: Iterable[tuple[Any, Any]],
    *,
    n_both: int = 100,
    n_alone: Mapping[str, int],
    random_state: RandomState = None,
) -> tuple[EpochArray, Folds]:
    """Drop modalities of some training subjects, as the MedFuseSleep paper does.

    The paper trains on 100 subjects with EEG and EOG, and on others with only one of
    the two; the remaining subjects are not used. Test nights are unchanged.

    Parameters
    ----------
    X : EpochArray
        Nights.
    cv : iterable of (train, test)
        One fold, as in `Protocol`: in another fold, a night would be needed in full.
    n_both : int, default=100
        Number of subjects that keep all modalities.
    n_alone : mapping of str to int
        Number of subjects that keep one modality alone, by modality, such as
        ``{"eeg": 500, "eog": 500}``.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        Seed of the draw.

    Returns
    -------
    X : EpochArray
        The same rows, with fewer modalities in some training nights.
    cv : list of (ndarray of int, ndarray of int)
        The fold, without the training rows of subjects that were not drawn.

    Raises
    ------
    ValueError
        If there is not exactly one fold, or too few subjects have the modalities.

    Notes
    -----
    The three sets are disjoint. The released code of the paper draws the EOG-only set
    from all subjects outside the first set, so that it may overlap with the EEG-only
    set.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.evaluation import incomplete_training, sleepmg_protocol
    >>> X, y, _ = make_polysomnography(8, hours=0.1, random_state=0)
    >>> cv = sleepmg_protocol(X, n_groups=2, random_state=0).cv[:1]
    >>> alone = {"eeg": 1, "eog": 2}
    >>> X, [(train, test)] = incomplete_training(
    ...     X, cv, n_both=1, n_alone=alone, random_state=0)
    >>> sorted(night.modalities for night in X[train].recordings)[1:]
    [('eeg', 'eog', 'emg', 'ecg'), ('eog',), ('eog',)]
    """
    for name, count in {"n_both": n_both, **n_alone}.items():
        check_count(name, count, owner="incomplete_training", minimum=0)
    folds = _list_folds(X, cv)
    if len(folds) != 1:
        msg = f"incomplete_training needs exactly one fold; got {len(folds)}."
        raise ValueError(msg)
    [(train, test)] = folds
    subjects = _subjects_with(X[train], list(n_alone))
    counts = [n_both, *n_alone.values()]
    if sum(counts) > len(subjects):
        msg = (
            f"incomplete_training needs {sum(counts)} training subjects with "
            f"{sorted(n_alone)}; got {len(subjects)}."
        )
        raise ValueError(msg)
    drawn = check_random_state(random_state).permutation(subjects)[: sum(counts)]
    alone = np.repeat([None, *n_alone], counts)
    kept = dict(zip(drawn, alone, strict=True))
    nights = [_select(night, kept.get(night.subject)) for night in X.recordings]
    train = train[np.isin(X.subject[train], drawn)]
    return X.with_recordings(nights), [(train, test)]


def _subjects_with(X: EpochArray, names: Sequence[str]) -> list[str]:
    """List the subjects that have the modalities in all of their nights."""
    have = {night.subject: True for night in X.recordings}
    for night in X.recordings:
        have[night.subject] &= set(names) <= set(night.modalities)
    return sorted(subject for subject, complete in have.items() if complete)


def _select(night: Recording, name: str | None) -> Recording:
    """Select one modality of a night; None selects all."""
    if name is None:
        return night
    return EpochArray([night], include_unscored=True).select([name]).recordings[0]


def _list_folds(X: EpochArray, cv: Iterable[tuple[Any, Any]]) -> Folds:
    """Turn folds, which may be masks, into row numbers."""
    rows = np.arange(len(X))
    return [(rows[train], rows[test]) for train, test in cv]
