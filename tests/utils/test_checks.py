from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.utils import (
    check_count,
    check_epoch_duration,
    check_fraction,
    check_no_unscored,
    check_option,
    check_positive,
    check_stages,
)


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


@pytest.mark.parametrize(
    "stages", [[0, 4, -1], [0.0, 4.0], np.array([0, 4], "O"), np.uint8([3])]
)
def test_stage_codes_pass_as_integers(stages):
    codes = check_stages("stages", stages, owner="Thing")
    assert codes.dtype == np.intp
    assert codes.tolist() == list(stages)


@pytest.mark.parametrize(
    ("stages", "got"),
    [
        ([0, 7, -2, 7], r"\[7, -2\]"),
        ([0.5, 1], r"\[0.5\]"),
        ([0, np.nan], r"\[nan\]"),
        (["0", "1"], r"\['0', '1'\]"),
        ([True], r"\[True\]"),
        ([None, 1], r"\[None\]"),
        ([[0, 1]], r"shape \(1, 2\)"),
        ([], r"shape \(0,\)"),
        (2, r"shape \(\)"),
    ],
)
def test_what_is_no_stage_code_is_named(stages, got):
    rule = "The 'stages' parameter of Thing must be a flat, non-empty array of stage"
    with pytest.raises(ValueError, match=f"{rule}.*-1 unscored.*Got {got} instead"):
        check_stages("stages", stages, owner="Thing")


def test_codes_of_merged_stages_are_refused():
    merged = Hypnogram([0, 2]).merge(3)
    with pytest.raises(RecordingError, match=r"'stages' .* the 5 stages .* to 3 inst"):
        check_stages("stages", merged, owner="Thing", error=RecordingError)


def test_a_hypnogram_has_its_own_epoch_duration():
    night = Hypnogram([0, 1], 20)
    assert check_epoch_duration(night, None, owner="Thing") == 20
    assert check_epoch_duration(night, 20, owner="Thing") == 20
    assert check_epoch_duration([0, 1], None, owner="Thing") == 30
    assert check_epoch_duration([0, 1], 5, owner="Thing") == 5
    with pytest.raises(ValueError, match=r"Thing .* the hypnogram, 20 s\. Got 30"):
        check_epoch_duration(night, 30, owner="Thing")
    with pytest.raises(ValueError, match="finite number > 0"):
        check_epoch_duration(night, 0, owner="Thing")


def test_rules_for_stage_codes_vary():
    assert check_stages("y", [], owner="Thing", empty=True).shape == (0,)
    assert check_stages("y", [[0], [1]], owner="Thing", ndim=2).shape == (2, 1)
    with pytest.raises(ValueError, match=r"4 REM\)\. Got \[-1\]"):
        check_stages("y", [0, -1], owner="Thing", unscored=False)
    with pytest.raises(RecordingError, match=r"^The output must be a flat"):
        check_stages("The output", [7], owner=None, error=RecordingError)


def test_unscored_targets_are_counted():
    check_no_unscored("y", ["-1", "W"], owner="Thing")
    check_no_unscored("y", [0, 1], owner="Thing")
    with pytest.raises(
        ValueError, match=r"'y' parameter of Thing must not hold -1, .*Got 2 of 3\."
    ):
        check_no_unscored("y", [0, -1, -1.0], owner="Thing")
