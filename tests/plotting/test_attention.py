from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sleepkit.plotting import AttentionDisplay
from sleepkit.recording import Signal

EEG, EOG = np.array([0.1, 0.2, 0.7]), np.array([0.25, 0.25, 0.5])
BY_EOG = np.array([0.5, 0.25, 0.25])
SIGNALS = {"eeg": np.linspace(-40, 40, 300), "eog": np.linspace(0, 9, 150)}


class Stager:
    """Two heads and one layer; the CLS token of the EOG looks at the EEG."""

    classes_ = np.arange(5)

    def fit(self, X, y=None):
        return self

    def attention(self, X):
        assert X.epoch.tolist() == [1]
        by_eog = np.zeros((1, 1, 2, 4, 4))
        by_eog[0, 0, :, 0, 1:] = BY_EOG
        by_eog[0, 0, :, 1:, 0] = 1  # what other tokens look at is not drawn
        features = np.ones((1, 1))
        frames = {"eeg": EEG[np.newaxis], "eog": EOG[np.newaxis], "age": features}
        return SimpleNamespace(
            frames=frames, cross={"eeg": {"eog": by_eog}, "eog": {}, "age": {}}
        )


def test_attention_behind_the_signal_and_below():
    display = AttentionDisplay(SIGNALS, {"eeg": EEG}, cross={"eeg": {"eog": BY_EOG}})
    (ax,) = display.plot().axes_
    own, cross = ax.get_images()
    np.testing.assert_allclose(own.get_array(), [3 * EEG])
    np.testing.assert_allclose(cross.get_array(), [3 * BY_EOG])
    assert own.get_clim() == cross.get_clim() == pytest.approx((0, 2.1))
    left, right, bottom, top = own.get_extent()
    assert (left, right, bottom, top) == (0, 30, -40, 40)
    assert cross.get_extent()[3] == bottom
    signal = ax.get_lines()[0]
    np.testing.assert_array_equal(signal.get_ydata(), SIGNALS["eeg"])
    assert signal.get_xdata()[[0, -1]].tolist() == pytest.approx([0, 29.9])
    strip = dict(
        zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True)
    )
    assert strip["eog"] == pytest.approx(np.mean(cross.get_extent()[2:]))
    assert strip["0"] == 0
    assert ax.get_xlabel() == "time in the epoch (s)"


def test_even_attention_is_pale():
    display = AttentionDisplay(SIGNALS, {"eog": np.full(4, 0.25)}).plot()
    (image,) = display.axes_[0].get_images()
    assert image.get_clim() == (0, 2)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: Pipeline([("stage", s)])])
def test_an_estimator(make_night, wrap):
    night = make_night(3)
    figure, axes = plt.subplots(2)
    display = AttentionDisplay.from_estimator(wrap(Stager()), night, 1, ax=axes)
    assert display.figure_ is figure
    assert list(display.frames) == ["eeg", "eog"]  # features have no frames
    eeg, eog = night.signals["eeg"].data[0], night.signals["eog"].data[0]
    np.testing.assert_array_equal(display.signals["eeg"], eeg[3000:6000])
    np.testing.assert_array_equal(display.signals["eog"], eog[1500:3000])
    np.testing.assert_allclose(display.cross["eeg"]["eog"], BY_EOG)
    assert [ax.get_ylabel() for ax in axes] == ["eeg (µV)", "eog (µV)"]


def test_steps_before_it_are_run(make_night):
    steps = [("none", FunctionTransformer()), ("stage", Stager())]
    display = AttentionDisplay.from_estimator(Pipeline(steps).fit(0), make_night(3), 1)
    assert display.axes_.shape == (2,)


def test_a_missing_modality_has_an_empty_panel():
    nothing = {"eog": np.full(150, np.nan)}
    frames = {"eeg": EEG, "eog": EOG * np.nan}
    upper, lower = AttentionDisplay(SIGNALS | nothing, frames).plot().axes_
    assert upper.get_images()[0].get_clim() == pytest.approx((0, 2.1))
    assert lower.get_images()[0].get_array().mask.all()


def test_errors(make_night):
    night = make_night(3)
    with pytest.raises(TypeError, match="needs an estimator with a method attention"):
        AttentionDisplay.from_estimator(FunctionTransformer(), night, 1)
    with pytest.raises(ValueError, match=r"'epoch' must be below 3\. Got 3"):
        AttentionDisplay.from_estimator(Stager(), night, 3)
    with pytest.raises(ValueError, match="'epoch' parameter of AttentionDisplay"):
        AttentionDisplay.from_estimator(Stager(), night, -1)
    with pytest.raises(ValueError, match="must be 2 axes"):
        AttentionDisplay.from_estimator(Stager(), night, 1, ax=[None])
    with pytest.raises(ValueError, match="needs spectra with a signal; got none"):
        AttentionDisplay(SIGNALS, {"eeg": EEG * np.nan}).plot()
    features = night.with_signals({name: Signal(np.ones((3, 2))) for name in SIGNALS})
    with pytest.raises(ValueError, match=r"needs samples; 'eeg' of .* is epoched"):
        AttentionDisplay.from_estimator(Stager(), features, 1)
