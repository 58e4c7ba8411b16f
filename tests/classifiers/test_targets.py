"""Which rows are learnt, which are held out, and what a class weighs."""

import numpy as np
import pytest

from sleepkit.classifiers._targets import make_task, weigh_classes
from sleepkit.training import RowEpochs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("fraction", "n_held"), [(0.0, 0), (0.1, 1), (0.4, 2)])
def test_people_are_held_out_whole(seed, fraction, n_held):
    rng = np.random.default_rng(seed)
    values = np.ones((60, 1))
    values[:3] = np.nan
    mask = rng.random(60) < 0.7
    subject = rng.permutation(np.repeat(list("abcde"), 12))
    task = make_task(
        RowEpochs({"eeg": values}),
        np.zeros(60, int),
        subject,
        mask,
        fraction,
        rng,
        owner="Stager",
    )
    assert len(set(subject[task.held])) == n_held
    assert not set(subject[task.held]) & set(subject[task.learnt])
    taught = mask & (np.arange(60) >= 3)
    np.testing.assert_array_equal(task.held | task.learnt, taught)


def test_balanced_weights_of_a_fold_without_a_stage():
    y = np.array([0, 0, 0, 1, 3])
    weights = weigh_classes("balanced", np.arange(5), y)
    assert weights.tolist() == pytest.approx([5 / 9, 5 / 3, 1, 5 / 3, 1])
    assert weigh_classes(None, np.arange(5), y) is None
