"""Contribution of each modality to the stage of each epoch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sleepkit._typing import FloatArray

_MIN_MODALITIES: Final = 2


def modality_contribution(
    estimator: Any, X: Any, *, proba: Any = None
) -> dict[str, FloatArray]:
    """Measure what each modality contributes to the stage of each epoch.

    Parameters
    ----------
    estimator : estimator
        A fitted stager with ``predict_proba`` that takes any subset of the modalities,
        such as a `sleepkit.classifiers.MedFuseSleepClassifier` or a pipeline with one.
    X : EpochArray
        The epochs, with two modalities or more.
    proba : array-like, shape (n_epochs, n_classes), default=None
        Probabilities that the estimator gives X, where they are known. None computes
        them.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_epochs,)
        For each modality, the probability of the stage that is predicted from all
        modalities, less the probability of this stage where the modality is left out:
        -1 to 1.

    Raises
    ------
    ValueError
        If X has fewer than two modalities.

    See Also
    --------
    sleepkit.plotting.ModalityContributionDisplay : Draws it.
    modality_performance : Scores of the modalities in training.

    Notes
    -----
    A modality with a high value carried the epoch: without it the stage would hardly
    have been found. Below zero, it spoke for another stage. Where modalities agree,
    each is dispensable and all values are near zero. A modality is left out of the
    whole night, so that what it tells of the neighbouring epochs counts too. The
    estimator stages X once for each modality, and once for all without `proba`.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.classifiers import MedFuseSleepClassifier
    >>> from sleepkit.metrics import modality_contribution
    >>> from sleepkit.recording import EpochArray
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile([2, 4], 40)
    >>> features = rng.normal(size=(80, 2))
    >>> features[:, 0] += 4 * (y == 4)  # of the EEG, and the EOG is noise
    >>> X = EpochArray.from_arrays(
    ...     features, recording=range(80), modalities={"eeg": [0], "eog": [1]})
    >>> stager = MedFuseSleepClassifier(
    ...     d_model=8, n_heads=2, n_layers=1, dim_feedforward=16, d_head=16, lr=0.02,
    ...     max_epochs=8, random_state=0)
    >>> found = modality_contribution(stager.fit(X, y), X)
    >>> bool(found["eeg"].mean() > found["eog"].mean() + 0.2)
    True
    """
    names = tuple(X.modalities)
    if len(names) < _MIN_MODALITIES:
        msg = (
            "modality_contribution needs two modalities or more, so that one can be "
            f"left out; got {', '.join(names) or 'none'}."
        )
        raise ValueError(msg)
    together = estimator.predict_proba(X) if proba is None else proba
    found = np.asarray(together).argmax(axis=1)[:, np.newaxis]

    def of_found(proba: Any) -> FloatArray:
        taken = np.take_along_axis(np.asarray(proba, dtype=float), found, axis=1)
        return np.asarray(taken[:, 0])

    return {
        name: of_found(together) - of_found(estimator.predict_proba(X.drop(name)))
        for name in names
    }
