"""Agreement between several scorers of the same nights, and their consensus."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.metrics._agreement import scores_of_confusion
from sleepkit.metrics._inputs import count_pairs
from sleepkit.utils import check_stages


def pairwise_kappa(stagings: Any) -> tuple[FloatArray, float]:
    """Compute Cohen's kappa of each pair of scorers.

    Parameters
    ----------
    stagings : array-like of int, shape (n_scorers, n_epochs)
        Stages of the same epochs by several scorers, -1 where unscored. A pair is
        compared on epochs that both scored.

    Returns
    -------
    kappas : ndarray of float64, shape (n_scorers, n_scorers)
        Kappa of each pair; NaN for a pair without a common epoch, or of one stage only.
    mean : float
        Mean over the pairs of different scorers whose kappa is defined.

    Raises
    ------
    ValueError
        If there are fewer than two scorers.

    See Also
    --------
    scores_against_consensus : Scores against the consensus of all others.

    Examples
    --------
    >>> from sleepkit.metrics import pairwise_kappa
    >>> kappas, mean = pairwise_kappa([[0, 0, 2, 2], [0, 0, 2, 2], [0, 2, 2, -1]])
    >>> kappas.round(2)
    array([[1. , 1. , 0.4],
           [1. , 1. , 0.4],
           [0.4, 0.4, 1. ]])
    >>> round(mean, 2)
    0.6
    """
    rows = _check_scorers("pairwise_kappa", stagings)
    matrices = np.array([[count_pairs(one, other) for other in rows] for one in rows])
    kappas = scores_of_confusion(matrices)["kappa"]
    pairs = kappas[np.triu_indices(len(rows), 1)]
    defined = pairs[~np.isnan(pairs)]
    return kappas, float(defined.mean()) if len(defined) else np.nan


def soft_agreement(stagings: Any) -> FloatArray:
    """Compute the soft agreement of each scorer with all others.

    Parameters
    ----------
    stagings : array-like of int, shape (n_scorers, n_epochs)
        Stages of the same epochs by several scorers, -1 where unscored.

    Returns
    -------
    ndarray of float64, shape (n_scorers,)
        Agreement from 0 to 1; NaN for a scorer without a common epoch with others.

    Raises
    ------
    ValueError
        If there are fewer than two scorers.

    See Also
    --------
    consensus : Majority vote, with ties decided by soft agreement.

    Notes
    -----
    The agreement in an epoch is the number of *other* scorers that gave the scorer's
    stage, divided by that of the stage that most of them gave. It is averaged over the
    epochs that the scorer and at least one other scored. The measure is that of the
    Dreem Open Datasets (`consensus` cites the paper).

    Examples
    --------
    >>> from sleepkit.metrics import soft_agreement
    >>> soft_agreement([[0, 2, 2, 2], [0, 2, 2, 3], [0, 2, 3, 3]])
    array([0.75, 1.  , 0.75])
    """
    return _soft_agreement(_check_scorers("soft_agreement", stagings))


def consensus(stagings: Any) -> IntArray:
    """Compute the majority vote of the scorers for each epoch.

    Parameters
    ----------
    stagings : array-like of int, shape (n_scorers, n_epochs)
        Stages of the same epochs by several scorers, -1 where unscored.

    Returns
    -------
    ndarray of int, shape (n_epochs,)
        Stage given by most scorers. In a tie, the one given by the scorer with the
        highest `soft_agreement`, or by the first of equal scorers. -1 where no scorer
        scored.

    Raises
    ------
    ValueError
        If there are fewer than two scorers.

    See Also
    --------
    scores_against_consensus : Scores against the consensus of all others.

    Notes
    -----
    This is the consensus of the Dreem Open Datasets [1]_, where the scorers of each
    night are ranked separately: pass one night at a time to do the same. Their code
    differs in two respects. Where two stages tie and the most reliable scorer gave a
    third, it takes the third; here one of the two wins. And an unscored epoch is a vote
    for "not scored" there; here it is no vote.

    Each expert is compared with the consensus of the others, which has one scorer
    fewer. To compare a stager in the same way, their code leaves out the scorer with
    the lowest `soft_agreement`.

    References
    ----------
    .. [1] Guillot, Sauvet, During, Thorey: Dreem Open Datasets: multi-scored sleep
       datasets to compare human and automated sleep staging. IEEE Transactions on
       Neural Systems and Rehabilitation Engineering 28, 2020.

    Examples
    --------
    >>> from sleepkit.metrics import consensus
    >>> consensus([[0, 2, 2, 1, -1], [0, 2, 3, 2, -1], [0, 1, -1, 2, -1]])
    array([ 0,  2,  3,  2, -1])
    """
    return _consensus(_check_scorers("consensus", stagings))


def scores_against_consensus(stagings: Any) -> dict[str, Array]:
    """Score each scorer against the consensus of all others.

    Parameters
    ----------
    stagings : array-like of int, shape (n_scorers, n_epochs)
        Stages of the same epochs by several scorers, -1 where unscored.

    Returns
    -------
    dict of str to ndarray, shape (n_scorers,)
        A table, column by column: ``scorer``, the row of `stagings`; ``n_epochs``, the
        epochs that the scorer and another one scored; and the scores of
        `staging_scores`, NaN where undefined.

    Raises
    ------
    ValueError
        If there are fewer than two scorers.

    See Also
    --------
    consensus : Majority vote of the scorers.
    staging_scores : Scores of a stager against the consensus.

    Notes
    -----
    The consensus is independent of the scorer: without the scorer's vote and, unlike in
    the code of the Dreem Open Datasets, without the scorer in the `soft_agreement` of
    the others. With four others ties are common, and those who agree with the scorer
    would win them.

    Examples
    --------
    >>> from sleepkit.metrics import scores_against_consensus
    >>> table = scores_against_consensus([[0, 0, 2, 2], [0, 0, 2, 2], [0, 2, 2, -1]])
    >>> table["n_epochs"], table["accuracy"].round(2)
    (array([4, 4, 3]), array([1.  , 1.  , 0.67]))
    """
    rows = _check_scorers("scores_against_consensus", stagings)
    matrices = np.array(
        [
            count_pairs(_consensus(np.delete(rows, scorer, axis=0)), row)
            for scorer, row in enumerate(rows)
        ]
    )
    columns = {"scorer": np.arange(len(rows)), "n_epochs": matrices.sum(axis=(1, 2))}
    return columns | scores_of_confusion(matrices)


def _check_scorers(owner: str, stagings: Any) -> IntArray:
    """Require the hypnograms of at least two scorers."""
    rows = check_stages("stagings", stagings, owner=owner, ndim=2)
    if len(rows) < 2:
        msg = f"{owner} needs stagings by at least 2 scorers; got {len(rows)}."
        raise ValueError(msg)
    return rows


def _votes(rows: IntArray) -> IntArray:
    """Count the votes for each stage in each epoch: (n_stages, n_epochs)."""
    return np.array([(rows == code).sum(axis=0) for code in range(N_STAGES)])


def _soft_agreement(rows: IntArray) -> FloatArray:
    """Compute `soft_agreement` of one scorer or more."""
    agreement = np.full(len(rows), np.nan)
    epochs = np.arange(rows.shape[1])
    for scorer, row in enumerate(rows):
        votes = _votes(np.delete(rows, scorer, axis=0))
        most = votes.max(axis=0)
        shared = (row >= 0) & (most > 0)
        if shared.any():
            won = votes[row[shared], epochs[shared]]
            agreement[scorer] = (won / most[shared]).mean()
    return agreement


def _consensus(rows: IntArray) -> IntArray:
    """Compute the `consensus` of one scorer or more."""
    ranked = rows[np.argsort(-_soft_agreement(rows), kind="stable")]
    votes = _votes(ranked)
    epochs = np.arange(ranked.shape[1])
    wins = (ranked >= 0) & (votes[ranked, epochs] == votes.max(axis=0))
    stages: IntArray = ranked[wins.argmax(axis=0), epochs]
    return stages
