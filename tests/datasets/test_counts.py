"""Published counts, and comparisons with them."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.datasets import check_counts, select_epochs
from sleepkit.datasets._counts import PUBLISHED
from sleepkit.recording import EpochArray, Recording


def nights(by_stage, n_recordings):
    """Recordings without signals, which hold so many epochs of each stage."""
    stages = np.repeat(range(5), by_stage)
    return EpochArray(
        Recording(id=str(i), subject=str(i), signals={}, hypnogram=part)
        for i, part in enumerate(np.array_split(stages, n_recordings))
    )


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_stages_add_up_and_recipes_run(name):
    published = PUBLISHED[name]
    assert not published.by_stage or sum(published.by_stage) == published.n_epochs
    X = nights((8, 8, 8, 8, 8), 2)
    assert select_epochs(X, published.steps)[3][-1].n_epochs in (0, 40)


def test_counts_that_agree():
    check = check_counts("isruc-s3", nights((1674, 1217, 2616, 2016, 1066), 10))
    assert check.agrees
    assert set(check.difference.values()) == {0}
    assert str(check).splitlines()[0] == (
        "isruc-s3 agrees with the counts of GraphSleepNet (Jia et al. 2020), MSTGCN "
        "(Jia et al. 2021)"
    )


def test_counts_that_differ():
    check = check_counts("isruc-s3", nights((1704, 1217, 2616, 2016, 1065), 9))
    assert not check.agrees
    assert check.difference == {
        "recordings": -1,
        "epochs": 29,
        "W": 30,
        "N1": 0,
        "N2": 0,
        "N3": 0,
        "REM": -1,
    }
    assert str(check).splitlines() == [
        "isruc-s3 differs from the counts of GraphSleepNet (Jia et al. 2020), MSTGCN "
        "(Jia et al. 2021)",
        "            recordings  epochs      W     N1     N2     N3    REM",
        "  expected          10   8,589  1,674  1,217  2,616  2,016  1,066",
        "     found           9   8,618  1,704  1,217  2,616  2,016  1,065",
        "difference          -1      29     30      0      0      0     -1",
        'recipe: load_isruc(path, subgroup="III", drop_last_epochs=30), then '
        "select_epochs(X, ['drop_unscored'])",
    ]


def test_sources_that_differ_by_a_share():
    stages = [6442, 4839, 29802, 7653, 10581]
    assert check_counts("mass-ss3", nights([6400, *stages[1:]], 62)).agrees
    assert not check_counts("mass-ss3", nights([6300, *stages[1:]], 62)).agrees
    assert not check_counts("mass-ss3", nights(stages, 61)).agrees


def test_unknown_counts():
    with pytest.raises(ValueError, match=r"'name' parameter of check_counts.*isruc-s3"):
        check_counts("isruc", nights((1, 1, 1, 1, 1), 1))
