"""Check for groups that two subsets share."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import LeakageError, SleepkitError
from sleepkit.model_selection import check_no_leakage

SUBJECTS = ["ann", "ann", "bob", "bob", "cem"]


def test_nothing_shared():
    subsets = {"training": [0, 1], "validation": [4], "test": np.array([2, 3])}
    check_no_leakage(subsets, {"subject": SUBJECTS})
    check_no_leakage(subsets, {})
    check_no_leakage({}, {"subject": SUBJECTS})


def test_empty_subset():
    check_no_leakage({"training": range(5), "validation": []}, {"subject": SUBJECTS})


def test_masks():
    mask = np.array([True, True, True, False, False])
    with pytest.raises(
        LeakageError, match="1 subject is in training and in test: 'bob'"
    ):
        check_no_leakage({"training": mask, "test": ~mask}, {"subject": SUBJECTS})


@pytest.mark.parametrize(
    ("subsets", "words"),
    [
        (
            {"training": [0, 2], "test": [1, 3]},
            "2 subjects are in training and in test: e.g. 'ann'",
        ),
        ({"a": [4], "b": [0], "c": [1]}, "1 subject is in b and in c: 'ann'"),
        ({"training": [0, 0], "test": [0]}, "1 subject is in training and in test"),
    ],
)
def test_messages(subsets, words):
    with pytest.raises(LeakageError, match=words):
        check_no_leakage(subsets, {"subject": SUBJECTS})


def test_any_kind_of_group():
    groups = {"subject": SUBJECTS, "hospital": [1, 1, 2, 2, 1]}
    subsets = {"training": [0, 1], "test": [2, 3, 4]}
    with pytest.raises(LeakageError, match="1 hospital is in training and in test: 1"):
        check_no_leakage(subsets, groups)


def test_the_error_is_a_value_error():
    assert issubclass(LeakageError, ValueError)
    assert issubclass(LeakageError, SleepkitError)
