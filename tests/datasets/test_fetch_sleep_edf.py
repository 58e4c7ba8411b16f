"""Downloads of Sleep-EDF by MNE, which finds all files there."""

from __future__ import annotations

import pytest

from sleepkit.datasets import fetch_sleep_edf
from sleepkit.exceptions import SleepkitWarning

SLEEP_EDF = (
    *("SC4001E0-PSG", "SC4001EC-Hypnogram", "SC4002E0-PSG", "SC4002EC-Hypnogram"),
    *("ST7022J0-PSG", "ST7022JM-Hypnogram"),
)


@pytest.fixture
def physionet(tmp_path):
    """A folder that has all files of two subjects, so that nothing is downloaded."""
    folder = tmp_path / "physionet-sleep-data"
    folder.mkdir()
    for name in SLEEP_EDF:
        (folder / f"{name}.edf").write_bytes(b"")
    return tmp_path


def test_sleep_edf_through_mne(physionet):
    folder = fetch_sleep_edf(physionet, subjects=[0])
    assert folder == physionet / "physionet-sleep-data"


def test_telemetry_by_the_numbers_of_its_files(physionet):
    assert fetch_sleep_edf(physionet, subjects=[2], study="telemetry").is_dir()


def test_subjects_that_sleep_edf_lacks(physionet):
    with pytest.raises(ValueError, match=r"subjects of the cassette study, 0, 1, .*39"):
        fetch_sleep_edf(physionet, subjects=[0, 39])
    with pytest.warns(SleepkitWarning, match="'subjects' parameter"):
        fetch_sleep_edf(physionet, subjects=[0, 39], on_missing="warn")
    fetch_sleep_edf(physionet, subjects=[0, 39], on_missing="ignore")
    with pytest.raises(ValueError, match="must name subjects"):
        fetch_sleep_edf(physionet, subjects=[39], on_missing="ignore")
    with pytest.raises(ValueError, match="'study' parameter of fetch_sleep_edf"):
        fetch_sleep_edf(physionet, subjects=[0], study="ST")
