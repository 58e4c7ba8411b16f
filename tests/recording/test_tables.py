"""Recordings and epochs as HTML, which reads nothing, and as tables of pandas."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime

import numpy as np
import pytest

from sleepkit.recording import EpochArray, Recording, Signal


def cells(page):
    """The texts of the table of a page by rows."""
    rows = ET.fromstring(page).iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


@pytest.fixture
def night(counting_array):
    """A scored night whose signal counts how often it is read."""
    return Recording(
        id="<n1>",
        subject="a & b",
        signals={
            "eeg": Signal(counting_array(np.zeros((2, 4 * 3000))), 100, ["C3", "<C4>"]),
            "emg": Signal(np.zeros((4, 10))),
        },
        hypnogram=[0, 2, -1, 4],
        start=datetime(2024, 5, 1, 22, 30),
    )


def test_html_of_a_recording(night, counted):
    eeg = night.sources["eeg"]
    for each in (night, night.map(counted.step())):
        page = each._repr_html_()
        assert cells(page) == [
            ["modality", "channels", "rate", "shape"],
            ["eeg", "C3, <C4>", "100 Hz", "2 x 12000"],
            ["emg", ", ".join("01234567") + " and 2 more", "-", "4 x 10"],
        ]
        caption = ET.fromstring(page).find("table/caption").text
        start = "Recording <n1> of a & b: 4 epochs of 30 s from 2024-05-01 22:30:00"
        assert caption.startswith(start)
        assert ("; before the pending steps Scale(" in caption) is not each.is_computed
    assert ET.fromstring(page).find("svg") is not None
    assert counted.names() == []
    assert eeg._data.reads == 0


def test_html_without_a_hypnogram():
    night = Recording(id="n", subject="s", signals={"eeg": Signal(np.zeros(3000), 100)})
    assert "<svg" not in night._repr_html_()
    assert cells(EpochArray([night])._repr_html_())[1] == [
        *("n", "s", "1", "eeg"),
        *["-"] * 6,
    ]


def test_html_of_epochs(night, counted):
    X = EpochArray([night]).map(counted.step())
    assert cells(X._repr_html_())[1][:9] == [
        *("<n1>", "a & b", "3", "eeg, emg"),
        *("1", "0", "1", "0", "1"),
    ]
    assert cells(X[1:2]._repr_html_())[1][4:9] == ["0", "0", "1", "0", "0"]
    assert ET.fromstring(X._repr_html_()).find(".//td/svg") is not None
    assert counted.names() == []
    assert night.sources["eeg"]._data.reads == 0


def test_html_of_many_nights(make_night):
    nights = [make_night(2, ["eeg"], seed=i) for i in range(22)]
    page = EpochArray(nights)._repr_html_()
    assert page.count("<svg") == 20
    assert cells(page)[-1] == ["and 2 more"]
    assert cells(EpochArray(nights)[:0]._repr_html_())[1:] == []


def test_frame(night):
    pytest.importorskip("pandas")
    valid = night.sources["emg"].replace(valid=[True, False, True, True])
    rows = EpochArray(
        [night.with_signals({**night.sources, "emg": valid})], include_unscored=True
    )
    mask = np.array([False, True, True, True])
    frame = rows.with_train_mask(mask)[[3, 1, 0, 2]].to_frame()
    assert frame.to_dict("list") == {
        "subject": ["a & b"] * 4,
        "recording": ["<n1>"] * 4,
        "epoch": [3, 1, 0, 2],
        "stage": ["REM", "N2", "W", "n/a"],
        "train": [True, True, False, True],
        "valid_eeg": [True] * 4,
        "valid_emg": [True, False, True, True],
    }
    assert night.sources["eeg"]._data.reads == 0  # no step is pending
