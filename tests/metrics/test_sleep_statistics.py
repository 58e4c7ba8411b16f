import json

import numpy as np
import pytest

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
    assert set(found) == set(expected)
    for name, value in found.items():
        assert value == pytest.approx(expected[name], abs=5.1e-5, nan_ok=True), name


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
            "TST": 11.0,
            **shares,
            "SOL": 2.0,
            "SOL_5min": 2.0,
            "Lat_REM": 13.0,
            "WAKE": 4.0,
            **of_sleep,
            "UNS": 1.0,
            **{f"%{name}": 100 * value / 11 for name, value in of_sleep.items()},
        }
    )
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize("stages", [[0, 0, 0], [-1, -1], [0, -1]])
def test_a_night_without_sleep(stages):
    found = sleep_statistics(stages)
    assert [found[name] for name in ("SPT", "TST", "SE", "N2")] == [0, 0, 0, 0]
    undefined = {name for name, value in found.items() if np.isnan(value)}
    assert undefined == {
        *("WASO", "SME", "SFI", "SOL", "SOL_5min", "Lat_REM"),
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
        ({"lights_off": 60}, "lights_off=60, lights_on=None and 2 epochs of 30"),
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
