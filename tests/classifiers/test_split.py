"""The inner split by subject."""

import numpy as np
import pytest

from sleepkit.classifiers._split import make_split
from sleepkit.training import ArraySource


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("fraction", "n_held_out"), [(0.0, 0), (0.1, 1), (0.4, 2)])
def test_subjects_are_held_out_whole(seed, fraction, n_held_out):
    rng = np.random.default_rng(seed)
    values = np.ones((60, 1))
    values[:3] = np.nan
    mask = rng.random(60) < 0.7
    subject = rng.permutation(np.repeat(list("abcde"), 12))
    split = make_split(
        ArraySource({"eeg": values}),
        np.zeros(60, int),
        subject,
        mask,
        fraction,
        rng,
        owner="Stager",
    )
    assert len(set(subject[split.valid])) == n_held_out
    assert not set(subject[split.valid]) & set(subject[split.train])
    labelled = mask & (np.arange(60) >= 3)
    np.testing.assert_array_equal(split.valid | split.train, labelled)
