import json

import numpy as np
import pytest

from sleepkit.hypnogram import Hypnogram
from sleepkit.io import read_hypnogram
from sleepkit.metrics import sleep_statistics

YASA_STAGES = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "R", -1: "Uns"}


def assert_equal_to_yasa(stages, epoch_duration=30):
    yasa = pytest.importorskip("yasa")
    hypnogram = yasa.Hypnogram.from_integers(
        stages, mapping=YASA_STAGES, freq=f"{epoch_duration}s"
    )
    expected = {"UNS": 0.0, **hypnogram.sleep_statistics()}  # left out where zero
    found = sleep_statistics(stages, epoch_duration=epoch_duration)
    assert set(found) - set(expected) == {"WASO_AASM", "LPS", "Lat_REM_onset"}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=5.1e-5, nan_ok=True), name


def assert_same(found, expected):
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_night_by_hand():
    # 2 min awake, N1 1, N2 6, awake 1, unscored 1, N3 2, REM 2, awake 1
    stages = np.repeat([0, 1, 2, 0, -1, 3, 4, 0], [4, 2, 12, 2, 2, 4, 4, 2])
    found = sleep_statistics(stages)
    shares = {"SE": 100 * 11 / 16, "SME": 100 * 11 / 13, "SFI": 2 / (11 / 60)}
    of_sleep = {"N1": 1.0, "N2": 6.0, "N3": 2.0, "REM": 2.0}
    assert found == pytest.approx(
        {
            "TIB": 16.0,
            "SPT": 13.0,
            "WASO": 1.0,
            "WASO_AASM": 2.0,
            "TST": 11.0,
            **shares,
            "SOL": 2.0,
            "SOL_5min": 2.0,
            "LPS": np.nan,
            "Lat_REM": 13.0,
            "Lat_REM_onset": 11.0,
            "WAKE": 4.0,
            **of_sleep,
            "UNS": 1.0,
            **{f"%{name}": 100 * value / 11 for name, value in of_sleep.items()},
        },
        nan_ok=True,
    )
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize("stages", [[0, 0, 0], [-1, -1], [0, -1]])
def test_a_night_without_sleep(stages):
    found = sleep_statistics(stages)
    assert [found[name] for name in ("SPT", "TST", "SE", "N2")] == [0, 0, 0, 0]
    undefined = {name for name, value in found.items() if np.isnan(value)}
    assert undefined == {
        *("WASO", "WASO_AASM", "SME", "SFI"),
        *("SOL", "SOL_5min", "LPS", "Lat_REM", "Lat_REM_onset"),
        *("%N1", "%N2", "%N3", "%REM"),
    }


def test_a_stage_that_does_not_occur():
    found = sleep_statistics([0, 2, 2, 1, 0])
    assert np.isnan(found["Lat_REM"])
    assert found["%REM"] == found["%N3"] == found["N3"] == 0


def test_five_minutes_of_sleep_must_not_be_broken():
    broken = [2] * 9 + [-1] + [2] * 9 + [0]
    assert np.isnan(sleep_statistics(broken)["SOL_5min"])
    assert sleep_statistics([*broken, 0, *[1, 2] * 5])["SOL_5min"] == 10.5
    # 120 s do not divide 300 s: three epochs
    assert sleep_statistics([2, 2, 0, 2, 2, 2], epoch_duration=120)["SOL_5min"] == 6


def test_persistent_sleep_is_ten_unbroken_minutes():
    broken = [0, *[1, 2] * 9, 2, 0]  # 19 epochs
    assert np.isnan(sleep_statistics(broken)["LPS"])
    assert sleep_statistics([*broken, *[2, 4] * 10, 0])["LPS"] == 10.5


def test_wake_and_rem_from_sleep_onset():
    found = sleep_statistics([0, 0, 1, 0, 2, 4, -1, 0, 0, 0])
    assert (found["WASO"], found["WASO_AASM"]) == (0.5, 2.0)
    assert (found["Lat_REM"], found["Lat_REM_onset"]) == (2.5, 1.5)
    scored = sleep_statistics([0, 2, 0, 2, 0, 0])
    assert scored["WASO_AASM"] == scored["TIB"] - scored["SOL"] - scored["TST"]


def test_a_hypnogram_has_its_own_epochs_and_onset():
    stages = [0, 2, 0, 0, 1, 2, 2, 4, 0, 0]
    night = Hypnogram(stages, 20.0, onset=100.0)
    assert_same(sleep_statistics(night), sleep_statistics(stages, epoch_duration=20))
    found = sleep_statistics(night, lights_off=140, lights_on=280)
    assert_same(found, sleep_statistics(stages[2:9], epoch_duration=20))
    with pytest.raises(ValueError, match=r"that of the hypnogram, 20 s\. Got 30"):
        sleep_statistics(night, epoch_duration=30)


def test_lights_restrict_the_window():
    stages = [0, 2, 0, 0, 1, 2, 2, 4, 0, 0]
    between = sleep_statistics(stages, lights_off=60, lights_on=270)
    assert_same(between, sleep_statistics(stages[2:9]))
    assert between["SOL"] == 1.0
    until = sleep_statistics(stages, lights_on=270)
    assert_same(until, sleep_statistics(stages[:9]))
    outside = sleep_statistics(stages, lights_off=-100, lights_on=9e9)
    assert_same(outside, sleep_statistics(stages))


@pytest.mark.parametrize(("seconds", "first"), [(60, 2), (74, 2), (75, 2), (76, 3)])
def test_lights_within_an_epoch_go_by_its_middle(seconds, first):
    stages = [0, 0, 0, 0, 2, 2]
    off = sleep_statistics(stages, lights_off=seconds)
    assert off["TIB"] == (6 - first) / 2
    on = sleep_statistics(stages, lights_on=seconds)
    assert on["TIB"] == first / 2


@pytest.mark.parametrize(
    ("lights", "words"),
    [
        (
            {"lights_off": 60},
            "lights_off=60, lights_on=None and 2 epochs .* 15 to 45 s",
        ),
        ({"lights_off": 30, "lights_on": 30}, "an epoch between"),
        ({"lights_off": np.nan}, "an epoch between"),
    ],
)
def test_lights_that_leave_nothing(lights, words):
    with pytest.raises(ValueError, match=words):
        sleep_statistics([0, 1], **lights)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([], "non-empty.*Got shape \\(0,\\)"),
        ([[0, 1]], "must be a flat.*Got shape"),
        ([0, 5], r"'stages' parameter of .*-1 unscored.* Got \[5\]"),
        ([0, -2], r"Got \[-2\]"),
        ([0.5, 1], r"Got \[0.5\]"),
        (["W", "N1"], r"Got \['W', 'N1'\]"),
    ],
)
def test_what_is_no_hypnogram(stages, words):
    with pytest.raises(ValueError, match=words):
        sleep_statistics(stages)


def test_what_is_no_duration():
    with pytest.raises(ValueError, match="epoch_duration"):
        sleep_statistics([0, 1], epoch_duration=0)


@pytest.mark.parametrize("seed", range(30))
def test_any_night_as_yasa_has_it(seed):
    rng = np.random.default_rng(seed)
    codes = rng.choice([-1, 0, 1, 2, 3, 4], rng.integers(1, 7))
    stages = np.repeat(rng.choice(codes, rng.integers(1, 60)), rng.integers(1, 9))
    assert_equal_to_yasa(stages, epoch_duration=int(rng.choice([5, 20, 30, 120])))


@pytest.mark.real
def test_sleep_edf_as_yasa_has_it(real_data):
    paths = sorted((real_data / "sleep_edf").glob("SC*-Hypnogram.edf"))
    assert len(paths) >= 19
    for path in paths:
        assert_equal_to_yasa(read_hypnogram(path).stages)


@pytest.mark.real
def test_dod_as_yasa_has_it(real_data):
    paths = sorted((real_data / "dod_scorers").glob("scorer_*/*.json"))
    assert len(paths) == 5 * 25
    for path in paths:
        assert_equal_to_yasa(json.loads(path.read_text()))
