"""Paired comparison of two stagings: by hand, a slow reference, and symmetry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon

from sleepkit.metrics import (
    bootstrap_scores,
    compare_stagings,
    staging_scores,
    staging_scores_by,
)


def cohort(seed=0, n_subjects=15, n_epochs=60):
    """Draw two stagings that err in the same subjects, the second a little more."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n_subjects), n_epochs)
    y_true = rng.integers(5, size=len(subject))
    skill = np.repeat(rng.uniform(0.5, 1, size=n_subjects), n_epochs)
    luck = rng.random(len(subject))
    wrong = (y_true + 1) % 5
    better = np.where(luck < skill, y_true, wrong)
    worse = np.where(luck < 0.95 * skill, y_true, wrong)
    return y_true, better, worse, subject


@pytest.mark.parametrize("metric", ["accuracy", "kappa", "f1_N1"])
def test_a_staging_against_itself(metric):
    y_true, better, _, subject = cohort()
    result = compare_stagings(y_true, better, better, subject, metric=metric)
    assert result.difference == result.mean_difference == result.effect_size == 0
    assert result.interval == (0, 0)
    assert result.p_value == 1
    assert (result.metric, result.n_subjects, result.n_undefined) == (metric, 15, 0)


def test_by_hand():
    y_true = [0, 0, 0, 0, 2, 2, 2, 2, 2, 2]
    better = [0, 0, 0, 0, 2, 2, 2, 2, 2, 2]
    worse = [0, 0, 0, 2, 2, 2, 2, 0, 0, 0]
    subject = list("aaaabbbbbb")
    result = compare_stagings(
        y_true, better, worse, subject, metric="accuracy", random_state=0
    )
    differences = [1 / 4, 3 / 6]
    assert result.difference == pytest.approx(4 / 10)
    assert result.interval == pytest.approx(differences)  # only a, and only b
    assert result.mean_difference == pytest.approx(3 / 8)
    assert result.effect_size == pytest.approx(3 / 8 / np.std(differences, ddof=1))
    assert result.p_value == pytest.approx(0.5)  # 2 of the 4 choices of signs


def test_equals_a_slow_reference():
    y_true, better, worse, subject = cohort()
    result = compare_stagings(
        y_true, better, worse, subject, n_resamples=80, random_state=3
    )
    one, two = (staging_scores_by(y_true, y, subject)["kappa"] for y in (better, worse))
    rng = np.random.default_rng(3)
    resampled = []
    for times in rng.multinomial(15, [1 / 15] * 15, 80):
        drawn = np.repeat(np.arange(15), times)
        rows = np.concatenate([np.flatnonzero(subject == name) for name in drawn])
        kappas = [
            staging_scores(y_true[rows], y[rows])["kappa"] for y in (better, worse)
        ]
        resampled.append(kappas[0] - kappas[1])
    assert result.interval == pytest.approx(np.percentile(resampled, [2.5, 97.5]))
    assert result.mean_difference == pytest.approx(np.mean(one - two))
    cohen = np.mean(one - two) / np.std(one - two, ddof=1)
    assert result.effect_size == pytest.approx(cohen)


def test_pairs_make_a_small_difference_visible():
    y_true, better, worse, subject = cohort()
    alone = [
        bootstrap_scores(y_true, y_pred, subject, random_state=0)["kappa"]
        for y_pred in (better, worse)
    ]
    result = compare_stagings(y_true, better, worse, subject, random_state=0)
    assert alone[0][0] < alone[1][1]  # the two intervals overlap widely
    assert result.interval[0] > 0
    assert result.p_value < 0.001


def test_p_value_counts_the_choices_of_signs():
    y_true, better, worse, subject = cohort(seed=4, n_subjects=10)
    result = compare_stagings(y_true, better, worse, subject, metric="f1_N2")
    one, two = (staging_scores_by(y_true, y, subject)["f1_N2"] for y in (better, worse))
    ranks = rankdata(np.abs((one - two)[one != two]))
    signs = np.array(list(product([-1, 1], repeat=len(ranks))))
    observed = abs(ranks @ np.sign((one - two)[one != two]))
    p_value = np.mean(np.abs(signs @ ranks) >= observed)
    assert result.p_value == pytest.approx(p_value)
    assert 0.001 < p_value < 0.9


def test_swapping_the_stagings_changes_the_sign():
    y_true, better, worse, subject = cohort()
    there = compare_stagings(y_true, better, worse, subject, random_state=0)
    back = compare_stagings(y_true, worse, better, subject, random_state=0)
    assert back.difference == -there.difference
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert back.mean_difference == pytest.approx(-there.mean_difference)
    assert back.effect_size == pytest.approx(-there.effect_size)
    assert back.p_value == there.p_value


def test_order_of_epochs_does_not_matter():
    data = cohort()
    order = np.random.default_rng(0).permutation(len(data[0]))
    shuffled = [column[order] for column in data]
    assert compare_stagings(*shuffled, random_state=0) == compare_stagings(
        *data, random_state=0
    )


def test_subjects_without_the_score_are_left_out_and_counted():
    y_true, better, worse, subject = cohort()
    for stages in (y_true, better, worse):
        stages[subject < 2] = 2  # kappa of these two is 0 / 0
    result = compare_stagings(y_true, better, worse, subject, random_state=0)
    rest = subject >= 2
    alone = compare_stagings(y_true[rest], better[rest], worse[rest], subject[rest])
    assert (result.n_subjects, result.n_undefined) == (13, 2)
    assert result.mean_difference == alone.mean_difference
    assert result.p_value == alone.p_value
    assert result.difference != alone.difference  # their epochs are still pooled


def test_a_score_undefined_for_all_subjects():
    result = compare_stagings([0, 1], [0, 1], [0, 0], ["a", "b"], metric="f1_N3")
    assert (result.n_subjects, result.n_undefined) == (0, 2)
    assert np.isnan([result.difference, *result.interval, *result[3:6]]).all()


def test_differences_without_spread_have_no_effect_size():
    result = compare_stagings(
        [0, 1] * 2, [0, 1] * 2, [0, 0] * 2, list("aabb"), metric="accuracy"
    )
    assert result.mean_difference == 0.5
    assert np.isnan(result.effect_size)


def test_equal_differences_are_ties_whatever_the_rounding():
    # 0.9 - 0.8 and 0.7 - 0.6 differ by 1e-16; so do the others
    right = {"a": (9, 8), "b": (7, 6), "c": (3, 2), "d": (4, 6)}
    columns = [
        np.concatenate([[0] * n[i] + [1] * (10 - n[i]) for n in right.values()])
        for i in range(2)
    ]
    result = compare_stagings(
        [0] * 40, *columns, np.repeat(list(right), 10), metric="accuracy"
    )
    assert result.p_value == pytest.approx(wilcoxon([1, 1, 1, -2]).pvalue)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "f1_S4"}, "'metric' parameter of compare_stagings .*'f1_REM'"),
        ({"subject": ["a"] * 4}, "compare_stagings .* at least 2; got 1"),
        ({"second": [0, 1, 0]}, "y_true, first, second .* got 4, 4, 3"),
        ({"first": [-1, 1, 0, 1]}, "1 of 4 in first are unscored"),
        ({"level": 0}, "0 < level < 1; got level=0"),
    ],
)
def test_refuses(options, message):
    stages = [0, 1, 0, 1]
    arguments = {"y_true": stages, "first": stages, "second": stages}
    with pytest.raises(ValueError, match=message):
        compare_stagings(**arguments | {"subject": list("aabb")} | options)


def test_html():
    found = compare_stagings([0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 1, 1], list("aabb"))
    page = found._repr_html_()
    low, high = found.interval
    assert "<th scope='row'>metric</th><td>kappa</td>" in page
    assert f"<td>{found.difference:.3f}</td>" in page
    assert f"<td>{low:.3f} to {high:.3f}</td>" in page
