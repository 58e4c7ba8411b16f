import numpy as np
import pytest

from sleepkit.metrics import compare_sleep_statistics, sleep_statistics

NAN = float("nan")


def test_by_hand():
    expert = [{"TST": 400, "Lat_REM": 90}, {"TST": 420, "Lat_REM": NAN}]
    expert += [{"TST": 380, "Lat_REM": 80}, {"TST": 410, "Lat_REM": 100}]
    predicted = [{"TST": 406, "Lat_REM": NAN}, {"TST": 418, "Lat_REM": 70}]
    predicted += [{"TST": 382, "Lat_REM": 90}, {"TST": 412, "Lat_REM": 90}]
    table = compare_sleep_statistics(expert, predicted)
    # differences of TST: 6, -2, 2, 2; of Lat_REM where both have it: 10, -10
    sds = [np.sqrt(32 / 3), np.sqrt(200)]
    assert table["statistic"] == ["TST", "Lat_REM"]
    assert table["n"] == [4, 2]
    assert table["bias"] == pytest.approx([2, 0])
    assert table["sd"] == pytest.approx(sds)
    assert table["loa_low"] == pytest.approx([2 - 1.96 * sds[0], -1.96 * sds[1]])
    assert table["loa_high"] == pytest.approx([2 + 1.96 * sds[0], 1.96 * sds[1]])


@pytest.mark.parametrize(("value", "n", "bias"), [(5.0, 1, 4.0), (NAN, 0, NAN)])
def test_too_few_nights(value, n, bias):
    table = compare_sleep_statistics([{"SOL": 1.0}], [{"SOL": value}])
    assert table["n"] == [n]
    assert table["bias"] == pytest.approx([bias], nan_ok=True)
    assert np.isnan([table["sd"], table["loa_low"], table["loa_high"]]).all()


def test_nights_of_sleep_statistics():
    nights = [[0, 1, 2, 2], [0, 0, 0, 0], [4, 2, -1, 0]]
    statistics = [sleep_statistics(night) for night in nights]
    table = compare_sleep_statistics(statistics, statistics)
    assert table["statistic"] == list(statistics[0])
    n_nights = dict(zip(table["statistic"], table["n"], strict=True))
    assert (n_nights["TST"], n_nights["SOL"], n_nights["Lat_REM"]) == (3, 2, 1)
    assert table["bias"] == pytest.approx(
        [0.0 if n else NAN for n in table["n"]], nan_ok=True
    )


@pytest.mark.parametrize(
    ("expert", "predicted", "words"),
    [
        ([], [], "got 0 and 0"),
        ([{"SE": 1}], [{"SE": 1}, {"SE": 2}], "same nights .* got 1 and 2"),
        ([{"SE": 1, "SOL": 2}], [{"SE": 1}], r"\['SOL'\] for some only"),
        ([{"SE": 1}], [{"SE": 1, "TST": 2}], r"\['TST'\] for some only"),
    ],
)
def test_what_cannot_be_compared(expert, predicted, words):
    with pytest.raises(ValueError, match=words):
        compare_sleep_statistics(expert, predicted)
