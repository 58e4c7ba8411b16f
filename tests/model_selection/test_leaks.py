"""What is in two parts of the data is named."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import LeakageError, SleepkitError
from sleepkit.model_selection import refuse_leaks

PEOPLE = ["ann", "ann", "bob", "bob", "cem"]


def test_nothing_shared():
    parts = {"training": [0, 1], "validation": [4], "test": np.array([2, 3])}
    refuse_leaks(parts, {"subject": PEOPLE})
    refuse_leaks(parts, {})
    refuse_leaks({}, {"subject": PEOPLE})


def test_parts_may_be_empty():
    refuse_leaks({"training": range(5), "validation": []}, {"subject": PEOPLE})


def test_masks():
    mask = np.array([True, True, True, False, False])
    with pytest.raises(
        LeakageError, match="1 subject is in training and in test, 'bob'"
    ):
        refuse_leaks({"training": mask, "test": ~mask}, {"subject": PEOPLE})


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"training": [0, 2], "test": [1, 3]},
            "2 subjects are in training and in test",
        ),
        ({"a": [4], "b": [0], "c": [1]}, "1 subject is in b and in c, 'ann' for one"),
        ({"training": [0, 0], "test": [0]}, "1 subject is in training and in test"),
    ],
)
def test_words(parts, words):
    with pytest.raises(LeakageError, match=words):
        refuse_leaks(parts, {"subject": PEOPLE})


def test_any_kind_of_group():
    kinds = {"subject": PEOPLE, "hospital": [1, 1, 2, 2, 1]}
    parts = {"training": [0, 1], "test": [2, 3, 4]}
    with pytest.raises(LeakageError, match="1 hospital is in training and in test, 1 "):
        refuse_leaks(parts, kinds)


def test_the_error_is_a_value_error():
    assert issubclass(LeakageError, ValueError)
    assert issubclass(LeakageError, SleepkitError)
