"""Training nights that lack modalities, made from complete ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sleepkit._typing import RandomState
from sleepkit.evaluation._folds import Folds, list_folds
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_count, check_random_state


def incomplete_training(
    X: EpochArray,
    cv: Iterable[tuple[Any, Any]],
    *,
    n_both: int = 100,
    n_alone: Mapping[str, int],
    random_state: RandomState = None,
) -> tuple[EpochArray, Folds]:
    """Take modalities from some training subjects, as the paper of MedFuseSleep does.

    It trains on 100 subjects with EEG and EOG, and on others of whom only one of the
    two is used; other subjects are not learnt from. Test nights stay as they are.

    Parameters
    ----------
    X : EpochArray
        The nights.
    cv : iterable of (train, test)
        One fold, as in `Protocol`: in several, a night would be needed in full too.
    n_both : int, default=100
        Number of subjects who keep all.
    n_alone : mapping of str to int
        Number of subjects for each modality who keep it alone, such as
        ``{"eeg": 500, "eog": 500}``.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        Seed of the draw.

    Returns
    -------
    X : EpochArray
        The same rows, with less in some training nights.
    cv : list of (ndarray of int, ndarray of int)
        The fold, without the training rows of those who were not drawn.

    Raises
    ------
    ValueError
        If there is not exactly one fold, or too few subjects have the modalities.

    Notes
    -----
    The three sets are disjoint. The released code of the paper draws the EOG-only set
    among all who are not in the first one, so that it may overlap with the EEG-only
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
    folds = list_folds(X, cv)
    if len(folds) != 1:
        msg = f"incomplete_training needs exactly one fold; got {len(folds)}."
        raise ValueError(msg)
    [(train, test)] = folds
    people = _subjects_with(X[train], list(n_alone))
    counts = [n_both, *n_alone.values()]
    if sum(counts) > len(people):
        msg = (
            f"incomplete_training needs {sum(counts)} training subjects with "
            f"{sorted(n_alone)}; got {len(people)}."
        )
        raise ValueError(msg)
    drawn = check_random_state(random_state).permutation(people)[: sum(counts)]
    alone = np.repeat([None, *n_alone], counts)
    left = {p: name for p, name in zip(drawn, alone, strict=True) if name is not None}
    nights = [_keep(night, left.get(night.subject)) for night in X.recordings]
    kept = train[np.isin(X.subject[train], drawn)]
    return X.with_recordings(nights), [(kept, test)]


def _subjects_with(X: EpochArray, names: Sequence[str]) -> list[str]:
    """Find the subjects all of whose nights have some modalities."""
    have = {night.subject: True for night in X.recordings}
    for night in X.recordings:
        have[night.subject] &= set(names) <= set(night.modalities)
    return sorted(subject for subject, complete in have.items() if complete)


def _keep(night: Recording, name: str | None) -> Recording:
    """Keep one modality of a night, or all."""
    if name is None:
        return night
    return EpochArray([night], include_unscored=True).select([name]).recordings[0]
