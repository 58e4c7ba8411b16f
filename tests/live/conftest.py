"""Fixtures of the tests of live staging.

Fixtures
--------
stager_and_night : a small stager, and a night of two modalities
"""

from __future__ import annotations

import pytest

from sleepkit.datasets import make_polysomnography
from sleepkit.pipelines import make_stager


@pytest.fixture(scope="package")
def stager_and_night():
    """Boosted trees on band powers relative to the night, and a night of 12 epochs."""
    X, y, _ = make_polysomnography(
        2, hours=0.1, modalities=["eeg", "emg"], random_state=0
    )
    stager = make_stager("trees", random_state=0)
    stager.set_params(stage__estimator__max_iter=5)
    return stager.fit(X, y), X.recordings[0].load()
