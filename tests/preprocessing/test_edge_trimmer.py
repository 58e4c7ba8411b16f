"""Surplus wake: marked in training by EdgeTrimmer, cut off by trim_wake."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sleepkit.preprocessing import EdgeTrimmer, FitOnSelected, trim_wake
from sleepkit.recording import EpochArray

# Nine wake epochs and two N2: three are surplus at either end.
NIGHT = np.array([0, 0, 0, 0, 0, 2, 2, 3, 0, 4, 0, 0, 0])
TRIMMED = slice(3, 10)


def view(*stages, **kwargs):
    """Make a view of nights whose one feature is the number of the epoch."""
    y = np.concatenate(stages)
    epoch = np.concatenate([np.arange(len(s)) for s in stages])
    night = np.repeat([f"n{i}" for i in range(len(stages))], [len(s) for s in stages])
    X = EpochArray.from_arrays(
        epoch[:, None].astype(float), recording=night, epoch=epoch, **kwargs
    )
    return X, y


def test_the_night_by_hand():
    X, y = view(NIGHT)
    marked = EdgeTrimmer().fit_transform(X, y)
    assert marked.train_mask.nonzero()[0].tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert len(marked) == len(X)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_stages_of_any_integer_type(dtype):
    X, y = view(NIGHT)
    np.testing.assert_array_equal(trim_wake(X, y.astype(dtype))[1], NIGHT[TRIMMED])


def test_each_night_is_judged_alone():
    X, y = view(NIGHT, np.array([2, 2, 0]), NIGHT[::-1])
    mask = EdgeTrimmer().fit_transform(X, y).train_mask
    assert mask[:13].sum() == mask[16:].sum() == 7
    assert mask[13:16].all()


def test_row_order_does_not_matter():
    X, y = view(NIGHT, NIGHT)
    rows = np.random.default_rng(0).permutation(26)
    expected = EdgeTrimmer().fit_transform(X, y).train_mask[rows]
    marked = EdgeTrimmer().fit_transform(X[rows], y[rows])
    np.testing.assert_array_equal(marked.train_mask, expected)


def test_rows_that_are_not_there_count_as_unscored():
    """Only two of the five evening wake epochs are rows: 6 wake, 2 N2, 2 are cut."""
    X, y = view(NIGHT)
    rows = np.r_[1, 4:13]
    marked = EdgeTrimmer().fit_transform(X[rows], y[rows])
    assert marked.epoch[~marked.train_mask].tolist() == [1, 4, 11, 12]


def test_transform_marks_nothing_and_keeps_earlier_marks():
    X, y = view(NIGHT)
    earlier = np.arange(13) != 6
    trimmer = EdgeTrimmer().fit(X, y)
    assert trimmer.transform(X).train_mask.all()
    masked = X.with_train_mask(earlier)
    np.testing.assert_array_equal(trimmer.transform(masked).train_mask, earlier)
    assert EdgeTrimmer().fit_transform(masked, y).train_mask.sum() == 6


def test_rules_and_margin_are_passed_on():
    X, y = view(NIGHT)
    marked = EdgeTrimmer("margin", margin=60.0).fit_transform(X, y)
    assert marked.train_mask.nonzero()[0].tolist() == list(range(3, 12))
    marked = EdgeTrimmer("evening_first").fit_transform(X, y)
    assert marked.train_mask.nonzero()[0].tolist() == list(range(5, 12))


def test_hypnograms_of_recordings_are_not_read(make_night):
    """Stages come from y: an estimator must not see those of a test night."""
    night = EpochArray([make_night(n_epochs=13, hypnogram=NIGHT)])
    y = np.full(13, 2)
    assert EdgeTrimmer().fit_transform(night, y).train_mask.all()


def test_masked_rows_are_not_trained_on():
    """Wake is most frequent in the night, but not once it is trimmed."""
    night = np.r_[np.zeros(10, int), np.full(5, 2), np.full(4, 3), np.zeros(2, int)]
    X, y = view(night, night, subject=np.repeat(["a", "b"], len(night)))
    majority = FitOnSelected(DummyClassifier())
    pipeline = make_pipeline(EdgeTrimmer("margin", margin=30.0), majority)
    predicted = cross_val_predict(
        pipeline, X, y, groups=X.subject, cv=GroupKFold(2), method="predict"
    )
    assert len(predicted) == len(y)
    assert set(predicted) == {2}
    assert set(clone(majority).fit(X, y).predict(X)) == {0}


def test_plain_arrays_pass():
    X = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(EdgeTrimmer().fit_transform(X), X)


@pytest.mark.parametrize(
    ("trimmer", "words"),
    [
        (EdgeTrimmer("pm30"), "'rule' parameter of trim_bounds must be one of"),
        (EdgeTrimmer(margin=-1), "'margin' parameter of EdgeTrimmer must be"),
    ],
)
def test_bad_parameters(trimmer, words):
    with pytest.raises(ValueError, match=words):
        trimmer.fit(np.zeros((3, 2)))


def test_stages_are_needed_and_must_be_stages():
    X, _ = view(NIGHT)
    with pytest.raises(ValueError, match="needs the stages of the rows as y"):
        EdgeTrimmer().fit_transform(X)
    with pytest.raises(ValueError, match="must be a flat array of stage codes"):
        EdgeTrimmer().fit_transform(X, np.full(13, "W"))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EdgeTrimmer().fit_transform(X, NIGHT[:5])


def test_trim_wake_returns_all_three():
    X, y = view(NIGHT, NIGHT, subject=np.repeat(["a", "b"], 13))
    X, y, groups = trim_wake(X, y)
    np.testing.assert_array_equal(y, np.r_[NIGHT[TRIMMED], NIGHT[TRIMMED]])
    assert X.epoch.tolist() == 2 * list(range(3, 10))
    assert groups.tolist() == ["a"] * 7 + ["b"] * 7


def test_trim_wake_takes_other_groups_rules_and_lists():
    X, y = view(NIGHT)
    X, y, groups = trim_wake(X, y.tolist(), list(range(13)), rule="margin", margin=30)
    assert groups.tolist() == X.epoch.tolist() == list(range(4, 11))
    np.testing.assert_array_equal(y, NIGHT[4:11])


def test_trimmed_nights_keep_their_context():
    X, y = view(NIGHT)
    trimmed, _, _ = trim_wake(X, y)
    assert trimmed.recordings[0].n_epochs == 13


def test_trim_wake_needs_nights():
    with pytest.raises(TypeError, match=r"trim_wake needs an EpochArray.*from_arrays"):
        trim_wake(np.zeros((13, 2)), NIGHT)
    X, y = view(NIGHT)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        trim_wake(X, y[:3])
    with pytest.raises(ValueError, match="'margin' parameter of trim_wake"):
        trim_wake(X, y, margin=-30)
