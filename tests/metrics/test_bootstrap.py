"""Intervals over subjects: a slow reference, their coverage, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.metrics import bootstrap_scores, staging_scores


def cohort(seed, n_subjects=12, n_epochs=40):
    """Draw subjects who are not all equally easy to stage."""
    rng = np.random.default_rng(seed)
    subject = np.repeat([f"s:{i:02}" for i in range(n_subjects)], n_epochs)
    skill = np.repeat(rng.beta(8, 2, size=n_subjects), n_epochs)
    y_true = rng.integers(5, size=len(subject))
    right = rng.random(len(subject)) < skill
    return y_true, np.where(right, y_true, (y_true + 1) % 5), subject


def slow_bootstrap(y_true, y_pred, subject, n_resamples, level, seed):
    """Draw, put the epochs of the drawn subjects in a row, score; again and again."""
    names = np.unique(subject)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), [1 / len(names)] * len(names), n_resamples)
    resampled = []
    for times in draws:
        drawn = np.repeat(names, times)
        rows = np.concatenate([np.flatnonzero(subject == name) for name in drawn])
        resampled.append(staging_scores(y_true[rows], y_pred[rows]))
    ends = [100 * (1 - level) / 2, 100 * (1 + level) / 2]
    return {
        name: tuple(np.nanpercentile([scores[name] for scores in resampled], ends))
        for name in resampled[0]
    }


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_equals_a_slow_reference(level):
    data = cohort(0)
    fast = bootstrap_scores(*data, n_resamples=60, level=level, random_state=7)
    slow = slow_bootstrap(*data, n_resamples=60, level=level, seed=7)
    assert list(fast) == list(slow)
    for name, interval in fast.items():
        assert interval == pytest.approx(slow[name], abs=1e-12)


def test_a_stage_of_one_subject_is_scored_where_it_was_drawn():
    y_true, y_pred, subject = cohort(1, n_subjects=4)
    y_true[y_true == 3] = y_pred[y_pred == 3] = 2
    y_true[:10], y_pred[:5] = 3, 3
    fast = bootstrap_scores(y_true, y_pred, subject, n_resamples=60, random_state=7)
    slow = slow_bootstrap(y_true, y_pred, subject, 60, 0.95, seed=7)
    assert fast["f1_N3"] == pytest.approx(slow["f1_N3"])


def test_a_stage_that_never_occurs_has_no_interval():
    intervals = bootstrap_scores([0, 1, 0, 1], [0, 1, 0, 0], list("aabb"))
    assert np.isnan(intervals["f1_N3"]).all()
    assert np.isfinite(intervals["f1_macro"]).all()


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    # the accuracy over all subjects there could be is the mean skill, 8 / (8 + 2)
    held = []
    for seed in range(200):
        data = cohort(seed, n_subjects=30)
        intervals = bootstrap_scores(*data, n_resamples=200, random_state=seed)
        low, high = intervals["accuracy"]
        held.append(low <= 0.8 <= high)
    assert 0.88 <= np.mean(held) <= 0.99


def test_epochs_taken_for_independent_would_be_too_sure():
    y_true, y_pred, subject = cohort(0, n_subjects=20, n_epochs=200)
    by_subject = bootstrap_scores(y_true, y_pred, subject, random_state=0)
    by_epoch = bootstrap_scores(
        y_true, y_pred, range(len(subject)), n_resamples=200, random_state=0
    )
    width = np.diff(by_subject["accuracy"]).item()
    assert width > 3 * np.diff(by_epoch["accuracy"]).item()


def test_order_of_epochs_does_not_matter_and_the_seed_does():
    data = cohort(0)
    order = np.random.default_rng(0).permutation(len(data[0]))
    shuffled = [column[order] for column in data]
    intervals = bootstrap_scores(*data, random_state=1)
    assert bootstrap_scores(*shuffled, random_state=1) == intervals
    assert bootstrap_scores(*data, random_state=2) != intervals


def test_a_perfect_staging_is_perfect_for_everyone():
    y_true, _, subject = cohort(0)
    intervals = bootstrap_scores(y_true, y_true, subject, n_resamples=50)
    assert set(intervals.values()) == {(1.0, 1.0)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subject": ["a"] * 4}, "needs at least 2; got 1"),
        ({"subject": ["a", "b"]}, r"subject of shape \(4,\).* got \(2,\)"),
        ({"level": 95}, "0 < level < 1; got level=95"),
        ({"n_resamples": 0}, "'n_resamples' .* >= 1"),
        ({"y_pred": [0, 1, -1, 1]}, "1 of 4 in y_pred are unscored"),
    ],
)
def test_refuses(options, message):
    arguments = {
        "y_true": [0, 1, 0, 1],
        "y_pred": [0, 1, 1, 1],
        "subject": list("aabb"),
    }
    with pytest.raises(ValueError, match=message):
        bootstrap_scores(**arguments | options)
