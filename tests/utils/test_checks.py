from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sleepkit.utils import check_count, check_fraction, check_option, check_positive


@pytest.mark.parametrize(
    "value", [2, 0.5, np.float32(3), np.int64(4), Fraction(256, 3)]
)
def test_positive_numbers_pass_as_float(value):
    checked = check_positive("sfreq", value, owner="Thing")
    assert type(checked) is float
    assert checked == float(value)


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, True, "100", None, [1.0]])
def test_what_is_not_positive_is_named(value):
    with pytest.raises(ValueError, match=r"'sfreq' parameter of Thing must be") as info:
        check_positive("sfreq", value, owner="Thing")
    assert f"Got {value!r} instead" in str(info.value)


def test_zero_only_where_allowed():
    assert check_positive("gap", 0, owner="Thing", zero=True) == 0.0
    with pytest.raises(ValueError, match="finite number >= 0"):
        check_positive("gap", -1, owner="Thing", zero=True)


def test_counts_are_whole():
    assert check_count("n", np.int32(3), owner="Thing") == 3
    assert check_count("n", 0, owner="Thing", minimum=0) == 0
    for value in (0, 2.0, True, "3", None):
        with pytest.raises(ValueError, match="'n' parameter of Thing must be a whole"):
            check_count("n", value, owner="Thing")


def test_fractions_leave_a_rest():
    assert check_fraction("p", 0, owner="Thing") == 0.0
    assert check_fraction("p", np.float32(0.5), owner="Thing") == 0.5
    for value in (1, -0.1, np.nan, True, "0.5", None):
        with pytest.raises(ValueError, match="'p' parameter of Thing must be >= 0 and"):
            check_fraction("p", value, owner="Thing")


def test_options_are_listed():
    assert check_option("rule", None, ["a", None], owner="Thing") is None
    with pytest.raises(
        ValueError, match=r"'rule' parameter of Thing must be one of 'a', 'b'\. Got 'c'"
    ):
        check_option("rule", "c", ("a", "b"), owner="Thing")
