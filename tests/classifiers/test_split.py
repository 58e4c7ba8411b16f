"""The inner split by subject, and class weights."""

import numpy as np
import pytest

from sleepkit.classifiers._split import class_weights, make_split
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


def test_balanced_weights_of_a_fold_without_a_stage():
    y = np.array([0, 0, 0, 1, 3])
    weights = class_weights("balanced", np.arange(5), y)
    assert weights.tolist() == pytest.approx([5 / 9, 5 / 3, 1, 5 / 3, 1])
    assert class_weights(None, np.arange(5), y) is None


def test_weights_by_name():
    classes = np.array(["N2", "W"])
    weights = class_weights({"W": 3}, classes, np.array(["N2"]))  # W is not in y
    assert weights.tolist() == [1, 3]
    with pytest.raises(ValueError, match=r"'class_weight' names \['REM'\]; .*'N2'"):
        class_weights({"REM": 2, "W": 1}, classes, classes)
