from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sleepkit.metrics import Occlusion
from sleepkit.plotting import OcclusionDisplay

SECOND = {"eeg": np.linspace(-0.1, 0.3, 30), "eog": np.zeros(30)}
BAND = {"eeg": {"delta": 0.4, "sigma": -0.001}, "eog": {"delta": 0.0, "sigma": 0.1}}
FOUND = Occlusion(2, 0.75, {"eeg": 0.6, "eog": -0.1}, BAND, SECOND)
TRACES = {"eeg": np.sin(np.arange(3000) / 9), "eog": np.full(1500, np.nan)}


class Stager:
    """The EEG alone decides."""

    classes_ = np.arange(5)

    def predict_proba(self, night):
        loud = night.signals["eeg"].data[0].reshape(night.n_epochs, -1).std(axis=1)
        sure = 0.2 + 0.1 * np.nan_to_num(np.log1p(loud))
        rest = np.tile((1 - sure)[:, np.newaxis] / 4, 4)
        return np.column_stack([sure, rest])


def labels(ticks):
    return [label.get_text() for label in ticks]


def test_signals_over_seconds_and_bands():
    display = OcclusionDisplay(FOUND, TRACES).plot()
    eeg, eog, table = display.axes_
    assert eeg.get_title() == "N2, probability 0.75"
    np.testing.assert_array_equal(eeg.get_images()[0].get_array()[0], SECOND["eeg"])
    times, trace = eeg.get_lines()[0].get_data()
    np.testing.assert_array_equal(trace, TRACES["eeg"])
    assert (times[0], times[1500]) == (0, 15)
    assert eog.get_xlabel() == "time (s)"
    assert eeg.get_images()[0].get_clim() == (-0.3, 0.3)
    assert eog.get_images()[0].get_clim() == (-0.3, 0.3)
    assert labels(table.get_xticklabels()) == ["all", "delta", "sigma"]
    assert labels(table.get_yticklabels()) == ["eeg", "eog"]
    np.testing.assert_array_equal(
        table.get_images()[0].get_array(), [[0.6, 0.4, -0.001], [-0.1, 0, 0.1]]
    )
    written = [text.get_text() for text in table.texts]
    assert written == ["+0.60", "+0.40", "0", "-0.10", "0", "+0.10"]


def test_parts_that_were_not_removed_are_not_drawn():
    only = FOUND._replace(modality={}, band={})
    assert len(OcclusionDisplay(only, TRACES).plot().axes_) == 2
    only = FOUND._replace(modality={}, second={})
    assert labels(
        OcclusionDisplay(only, TRACES).plot().axes_[-1].get_xticklabels()
    ) == [
        "delta",
        "sigma",
    ]
    only = FOUND._replace(band={}, second={})
    table = OcclusionDisplay(only, TRACES).plot().axes_[-1]
    assert labels(table.get_xticklabels()) == ["all"]


def test_what_is_not_known_and_stages_in_words():
    unknown = FOUND._replace(stage="Light", modality={"eeg": np.nan, "eog": 0.0})
    display = OcclusionDisplay(unknown, TRACES).plot()
    assert display.axes_[0].get_title() == "Light, probability 0.75"
    assert display.axes_[-1].texts[0].get_text() == "\N{EN DASH}"
    display.figure_.canvas.draw()


def test_next_to_nothing_is_pale():
    only = FOUND._replace(second={"eeg": np.full(30, 1e-4), "eog": np.zeros(30)})
    image = OcclusionDisplay(only, TRACES).plot().axes_[0].get_images()[0]
    assert image.get_clim() == (-0.05, 0.05)


def test_an_estimator(make_night):
    _, axes = plt.subplots(3)
    night = make_night(4)
    display = OcclusionDisplay.from_estimator(
        Stager(), night, 2, context=1, by=["modality", "band"], ax=axes
    )
    assert display.axes_.tolist() == axes.tolist()
    assert display.found.modality["eeg"] > 0.1
    np.testing.assert_array_equal(
        display.traces["eog"], night.signals["eog"].data[0, 3000:4500]
    )


def test_errors(make_night):
    with pytest.raises(ValueError, match="'epoch' of occlusion must be below 2"):
        OcclusionDisplay.from_estimator(Stager(), make_night(2), 2)
    with pytest.raises(ValueError, match="'ax' parameter must be"):
        OcclusionDisplay(FOUND, TRACES).plot(ax=plt.subplots()[1])
