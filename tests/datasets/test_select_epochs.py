"""Steps whose order changes how many epochs a cohort has."""

from __future__ import annotations

import pytest

from sleepkit.datasets import select_epochs
from sleepkit.recording import EpochArray

MARGIN = {"rule": "margin", "margin": 30}
DROP, COMPLETE = "drop_unscored", "require_all_stages"


def trim(**options):
    return ("trim_wake", {**MARGIN, **options})


@pytest.fixture
def cohort(make_night):
    """Two nights: one with an unscored tail, one without REM."""
    first = [0, 0, 0, 1, 2, 3, 4, 0, 0, -1, 0]
    second = [0, 0, 1, 2, 3, 0, -1]
    nights = [
        make_night(len(stages), ("eeg",), sfreq=10, hypnogram=stages, id=name)
        for name, stages in (("a", first), ("b", second))
    ]
    return EpochArray(night.replace(subject=night.id) for night in nights)


def test_steps_and_their_provenance(cohort):
    X, y, groups, provenance = select_epochs(cohort, [DROP, trim(), COMPLETE])
    assert y.tolist() == [0, 1, 2, 3, 4, 0]
    assert X.epoch.tolist() == [2, 3, 4, 5, 6, 7]
    assert set(groups) == {"a"}
    assert [tuple(step) for step in provenance] == [
        ("drop_unscored", 2, 16),
        ("trim_wake(rule='margin', margin=30)", 2, 11),
        ("require_all_stages", 1, 6),
    ]
    assert X.recordings[0].n_epochs == 11  # whole, as context


def test_the_order_of_steps_matters(cohort):
    """Unscored epochs that count as sleep keep the wake before them."""
    ignored = select_epochs(cohort, [DROP, trim()])[3][-1]
    sleep = select_epochs(cohort, [trim(unscored="sleep"), DROP])[3][-1]
    assert (ignored.n_epochs, sleep.n_epochs) == (11, 6 + 1 + 1 + 5)
    dropped = select_epochs(cohort, [DROP, trim(unscored="sleep")])[3][-1]
    assert dropped.n_epochs == 11  # no unscored epoch is left to count as sleep


def test_epochs_of_earlier_steps_are_not_sleep(make_night):
    stages = [0, 0, 0, 2, 3, *[0] * 7]
    night = make_night(len(stages), ("eeg",), sfreq=10, hypnogram=stages)
    cut = ("drop_last_epochs", {"n_epochs": 2})
    for steps in ([], [cut]):
        X, *_ = select_epochs(EpochArray([night]), [*steps, trim(unscored="sleep")])
        assert X.epoch.tolist() == [2, 3, 4, 5]


def test_the_end_of_each_recording(cohort):
    _, y, *_ = select_epochs(cohort, [("drop_last_epochs", {"n_epochs": 4}), DROP])
    assert y.tolist() == [0, 0, 0, 1, 2, 3, 4, 0, 0, 1]


def test_what_is_refused(cohort):
    with pytest.raises(ValueError, match="must hold 'drop_unscored'"):
        select_epochs(cohort, [COMPLETE])
    with pytest.raises(ValueError, match="'steps' parameter of select_epochs"):
        select_epochs(cohort, ["trim"])
    with pytest.raises(TypeError, match="edges"):
        select_epochs(cohort, [("trim_wake", {"edges": 1})])
    with pytest.raises(ValueError, match="'unscored' parameter"):
        select_epochs(cohort, [trim(unscored="wake")])
