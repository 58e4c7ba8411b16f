"""Fixtures: a night with an expert's stages, its staging, and the report of both."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from sleepkit.datasets import make_polysomnography
from sleepkit.persistence import ModelCard
from sleepkit.persistence._card_content import Section
from sleepkit.pipelines import make_stager, stage_night
from sleepkit.report import night_report

HOSTILE = '<script>alert("C4")</script>'
CARD = ModelCard(
    "trees",
    [
        Section("What it is", ["A stager.", HOSTILE], []),
        Section("Reaches", [], [["score", "all"], ["kappa", "0.500"]]),
    ],
)


@pytest.fixture(scope="session")
def staged():
    """A night, one channel with a hostile name, dead from epoch 20 to 24; staging."""
    X, y, _ = make_polysomnography(
        2, hours=0.5, modalities=("eeg", "eog"), noise=0, random_state=0
    )
    stager = make_stager("trees", random_state=0)
    stager.set_params(stage__estimator__max_iter=5).fit(X, y)
    night = X.recordings[1].load()
    signals = {}
    for name, block in night.signals.items():
        data = np.array(block.data)
        data[:, 20 * 3000 : 25 * 3000] = 0
        names = [HOSTILE] if name == "eeg" else block.ch_names
        signals[name] = block.replace(data=data, ch_names=names)
    night = night.with_signals(signals).replace(start=datetime(2024, 2, 3, 22, 30))
    return stager, night, stage_night(stager, night)


@pytest.fixture(scope="session")
def write_page(staged):
    """``write_page()``: the report with all that it can have."""
    stager, night, found = staged

    def write():
        return night_report(
            found,
            night,
            stager=stager,
            missing={"emg": f"no label is known as emg, perhaps {HOSTILE}"},
            warnings=["N2 fills all of the night.", HOSTILE],
            card=CARD,
        )

    return write


@pytest.fixture
def without_rendering(monkeypatch):
    """Pictures are drawn, but not turned into images."""
    for part in ("overview", "contribution"):
        monkeypatch.setattr(f"sleepkit.report._{part}.to_uri", lambda _: "data:,")


@pytest.fixture(scope="session")
def page(write_page):
    """The report, written once."""
    return write_page()
