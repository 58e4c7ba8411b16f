"""Scores of stagings: by hand, against scikit-learn, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
)

from sleepkit.metrics import scores_of_confusion, staging_scores, staging_scores_by

CODES = range(5)
F1 = ["f1_W", "f1_N1", "f1_N2", "f1_N3", "f1_REM"]


def by_sklearn(y_true, y_pred):
    f1 = f1_score(y_true, y_pred, labels=CODES, average=None, zero_division=np.nan)
    return {
        "accuracy": accuracy_score(y_true, y_pred),
        "kappa": cohen_kappa_score(y_true, y_pred),
        "f1_macro": f1_score(y_true, y_pred, average="macro"),
        **dict(zip(F1, f1, strict=True)),
    }


def random_stagings(seed, n_epochs=300):
    """Draw two stagings, from all stages or only from a few."""
    rng = np.random.default_rng(seed)
    y_true = rng.choice(rng.choice(5, size=rng.integers(2, 6)), size=n_epochs)
    noise = rng.choice(rng.choice(5, size=rng.integers(1, 6)), size=n_epochs)
    return y_true, np.where(rng.random(n_epochs) < 0.6, y_true, noise)


def test_by_hand():
    y_true = [0, 0, 0, 0, 2, 2, 2, 2, 4, 4]
    y_pred = [0, 0, 0, 2, 2, 2, 2, 0, 4, 2]
    scores = staging_scores(y_true, y_pred)
    assert list(scores) == ["accuracy", "kappa", "f1_macro", *F1]
    by_chance = (4 * 4 + 4 * 5 + 2 * 1) / 100
    assert scores["accuracy"] == pytest.approx(0.7)
    assert scores["kappa"] == pytest.approx((0.7 - by_chance) / (1 - by_chance))
    assert scores["f1_W"] == pytest.approx(6 / 8)
    assert scores["f1_N2"] == pytest.approx(6 / 9)
    assert scores["f1_REM"] == pytest.approx(2 / 3)
    assert scores["f1_macro"] == pytest.approx((6 / 8 + 6 / 9 + 2 / 3) / 3)


@pytest.mark.parametrize("seed", range(20))
def test_equals_scikit_learn(seed):
    y_true, y_pred = random_stagings(seed)
    expected = by_sklearn(y_true, y_pred)
    scores = staging_scores(y_true, y_pred)
    assert scores == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        ([3], [4]),
        ([1, 1, 1], [2, 2, 2]),  # both constant, and never the same
        ([0, 1, 2], [2, 2, 2]),  # one constant
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ([0, 1, 2, 3, 4], [4, 0, 1, 2, 3]),
    ],
)
def test_equals_scikit_learn_at_the_edges(y_true, y_pred):
    expected = by_sklearn(y_true, y_pred)
    scores = staging_scores(y_true, y_pred)
    assert scores == pytest.approx(expected, abs=1e-15, nan_ok=True)


def test_absent_stages():
    scores = staging_scores([0, 0, 2], [0, 4, 2])
    assert scores["f1_REM"] == 0  # predicted, but it does not occur
    assert np.isnan([scores["f1_N1"], scores["f1_N3"]]).all()  # in neither
    assert scores["f1_macro"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert staging_scores([0, 1], [0, 0])["f1_N1"] == 0  # occurs, never predicted


def test_kappa_of_one_and_the_same_stage_is_undefined():
    scores = staging_scores([2, 2, 2], [2, 2, 2])
    assert np.isnan(scores["kappa"])
    assert scores["accuracy"] == scores["f1_macro"] == scores["f1_N2"] == 1


def test_large_counts_stay_exact():
    counts = np.zeros((5, 5))
    counts[2, 2] = 6_000_003  # every epoch of a large cohort
    assert np.isnan(scores_of_confusion(counts)["kappa"])
    counts[0, 0] = 1
    assert scores_of_confusion(counts)["kappa"] == 1


def test_matrices_at_once_equal_one_by_one():
    matrices = np.random.default_rng(0).integers(20, size=(2, 3, 5, 5))
    matrices[0, 1, :, 4] = matrices[0, 1, 4, :] = 0
    scores = scores_of_confusion(matrices)
    for where in np.ndindex(2, 3):
        alone = scores_of_confusion(matrices[where])
        for name, values in scores.items():
            assert values.shape == (2, 3)
            np.testing.assert_array_equal(values[where], alone[name])
    assert np.isnan(scores["f1_REM"][0, 1])


def test_an_empty_matrix_has_no_scores():
    scores = scores_of_confusion(np.zeros((5, 5)))
    assert all(np.isnan(score) for score in scores.values())


def test_takes_the_confusion_matrix_of_scikit_learn():
    y_true, y_pred = random_stagings(3)
    scores = scores_of_confusion(confusion_matrix(y_true, y_pred, labels=CODES))
    np.testing.assert_equal(scores, staging_scores(y_true, y_pred))


def test_truth_and_prediction_swapped_and_order_of_epochs():
    y_true, y_pred = random_stagings(5)
    scores = staging_scores(y_true, y_pred)
    order = np.random.default_rng(0).permutation(len(y_true))
    np.testing.assert_equal(staging_scores(y_pred, y_true), scores)
    np.testing.assert_equal(staging_scores(y_true[order], y_pred[order]), scores)


def test_by_group_equals_each_group_alone():
    y_true, y_pred = random_stagings(2)
    groups = np.random.default_rng(0).choice(["s:3", "s:1", "s:2"], size=len(y_true))
    table = staging_scores_by(y_true, y_pred, groups)
    assert list(table["group"]) == ["s:1", "s:2", "s:3"]
    for i, name in enumerate(table["group"]):
        mine = groups == name
        row = {column: table[column][i] for column in table}
        alone = staging_scores(y_true[mine], y_pred[mine])
        np.testing.assert_equal(row, {"group": name, "n_epochs": mine.sum()} | alone)


def test_table_for_pandas_skips_and_counts_undefined_scores():
    pd = pytest.importorskip("pandas")
    table = staging_scores_by([2, 2, 0, 1, 0, 1], [2, 2, 0, 1, 0, 0], list("aabbcc"))
    summary = pd.DataFrame(table).describe()["kappa"]
    assert summary["count"] == 2
    assert summary["mean"] == pytest.approx((1 + 0) / 2)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 1, 2], [0, 1], "y_true, y_pred of the same length; got 3, 2"),
        ([0, -1, -1], [0, 1, 2], "scored epochs only; 2 of 3 in y_true are unscored"),
        ([0, 1], [0, -1], "1 of 2 in y_pred are unscored"),
        ([0, 5], [0, 1], r"Got \[5\]"),
        ([0, 1], [0, 1.5], r"Got \[1.5\]"),
        ([0, None], [0, 1], r"Got \[None\]"),
        (["W"], ["W"], r"Got \['W'\]"),
        ([[0, 1]], [[0, 1]], r"Got shape \(1, 2\)"),
        ([], [], r"Got shape \(0,\)"),
    ],
)
def test_refuses_what_is_no_staging(y_true, y_pred, message):
    with pytest.raises(ValueError, match=f"staging_scores (needs|must be) .*{message}"):
        staging_scores(y_true, y_pred)


def test_refuses_other_groups_and_matrices():
    with pytest.raises(ValueError, match=r"groups of shape \(3,\).* got \(2,\)"):
        staging_scores_by([0, 1, 2], [0, 1, 2], ["a", "b"])
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 5, 5\); got \(4, 4\)"):
        scores_of_confusion(np.ones((4, 4)))
