from __future__ import annotations

import pytest

from sleepkit.datasets._pairs import find_pairs


@pytest.fixture
def pairs(tmp_path):
    """``pairs(*names)``: hypnogram and subject of each night among empty files."""

    def find(*names, pattern=None):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return {
            pair.signals.relative_to(tmp_path).as_posix(): (
                pair.hypnogram and pair.hypnogram.relative_to(tmp_path).as_posix(),
                pair.subject,
            )
            for pair in find_pairs(tmp_path, pattern)
        }

    return find


@pytest.mark.parametrize(
    ("night", "hypnogram", "subject"),
    [
        ("a.edf", "a.txt", "a"),
        ("a.bdf", "a.xml", "a"),
        ("a.EDF", "A.CSV", "a"),
        ("a.edf", "a-hypnogram-corrected.csv", "a"),
        ("a.edf", "a-hypnogram-corrected.edf", "a"),
        ("1.rec", "1_1.txt", "1"),
        ("excerpt3.edf", "Hypnogram_excerpt3.txt", "excerpt3"),
        ("SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf", "SC400"),
        ("ST7022J0-PSG.edf", "ST7022JM-Hypnogram.edf", "ST702"),
        ("shhs1-200001.edf", "shhs1-200001-nsrr.xml", "200001"),
        ("edfs/shhs1/shhs1-200001.edf", "x/shhs1-200001-profusion.xml", "200001"),
        ("sub-01/eeg/sub-01_eeg.edf", "sub-01/eeg/sub-01_events.tsv", "sub-01"),
        ("01-03-0001 PSG.edf", "01-03-0001 Base.edf", "01-03-0001 PSG"),
        ("a[1].edf", "a[1].txt", "a[1]"),
    ],
)
def test_names(pairs, night, hypnogram, subject):
    assert pairs(night, hypnogram) == {night: (hypnogram, subject)}


@pytest.mark.parametrize("suffix", ["csv", "edf", "json", "tsv"])
@pytest.mark.parametrize("night", ["a", "SC4001E0-PSG", "sub-01_eeg", "01 PSG"])
def test_what_a_model_writes_belongs_to_no_night(pairs, night, suffix):
    found = pairs(f"{night}.edf", f"{night}-hypnogram.{suffix}")
    assert {name: pair[0] for name, pair in found.items()} == {f"{night}.edf": None}


def test_a_hypnogram_of_another_night_of_that_name_is_not_taken(pairs):
    assert pairs("p01/night.edf", "p01/night.txt", "p02/night.edf") == {
        "p01/night.edf": ("p01/night.txt", "p01/night"),
        "p02/night.edf": (None, "p02/night"),
    }
    assert pairs("p03/night.txt")["p02/night.edf"][0] is None


def test_no_hypnogram_belongs_to_two_nights(pairs):
    found = pairs("x/a_eeg.edf", "y/a_psg.edf", "z/a_events.tsv")
    assert [hypnogram for hypnogram, _ in found.values()] == [None, None]


def test_two_nights_of_sleep_edf_are_one_subject(pairs):
    found = pairs("SC4001E0-PSG.edf", "SC4002E0-PSG.edf", "SC4002EC-Hypnogram.edf")
    assert found == {
        "SC4001E0-PSG.edf": (None, "SC400"),
        "SC4002E0-PSG.edf": ("SC4002EC-Hypnogram.edf", "SC400"),
    }


def test_the_same_name_comes_first(pairs):
    found = pairs("a.edf", "a_1.txt", "a-nsrr.xml", "a.txt")
    assert found["a.edf"][0] == "a.txt"


def test_the_same_folder_comes_first(pairs):
    found = pairs("x/a.edf", "x/a_1.txt", "y/a.txt")
    assert found["x/a.edf"][0] == "x/a_1.txt"


def test_ambiguous_names_elsewhere_are_not_guessed(pairs):
    assert pairs("x/a.edf", "y/a.txt", "z/a.txt")["x/a.edf"][0] is None


def test_other_names_do_not_fit(pairs):
    assert pairs("night1.edf", "night10.txt", "night.txt")["night1.edf"][0] is None


def test_a_pattern_names_the_subject(pairs):
    names = ("p7/1/1.rec", "p7/2/2.rec")
    assert {subject for _, subject in pairs(*names, pattern=r"p\d").values()} == {"p7"}
    found = pairs(*names, pattern=r"p(\d)")
    assert {subject for _, subject in found.values()} == {"7"}


def test_a_pattern_whose_group_does_not_match(pairs):
    found = pairs("p7.edf", "p8.edf", pattern=r"(x)?p")
    assert {subject for _, subject in found.values()} == {"p7", "p8"}
