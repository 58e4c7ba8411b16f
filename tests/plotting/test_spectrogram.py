from __future__ import annotations

from datetime import datetime

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sleepkit.plotting import HypnogramDisplay, SpectrogramDisplay
from sleepkit.recording import Signal


@pytest.fixture(scope="module")
def night(make_night):
    """An EEG with a rhythm of 10 Hz, of which the second half is missing."""
    night = make_night(4, start=datetime(2001, 2, 3, 23, 0))
    signals = dict(night.signals)
    data = np.array(signals["eeg"].data)
    data[:, 6000:] = np.nan
    signals["eeg"] = signals["eeg"].replace(data=data)
    return night.with_signals(signals)


def image_of(display):
    (image,) = display.axes_[0].get_images()
    return np.ma.filled(image.get_array(), np.nan)


def test_a_rhythm_is_where_it_belongs(night):
    display = SpectrogramDisplay.from_recording(night)
    image = image_of(display)
    assert image.shape == (len(display.freqs), 4)
    peaks = display.freqs[image[:, :2].argmax(axis=0)]
    np.testing.assert_allclose(peaks, 10, atol=0.5)
    assert np.isnan(image[:, 2:]).all()
    ax = display.axes_[0]
    assert ax.get_title() == "eeg"
    assert ax.get_ylabel() == "frequency (Hz)"
    assert ax.get_xlabel() == "clock time"
    assert ax.get_xlim() == (0, 120)
    np.testing.assert_allclose(ax.get_ylim(), (0.5, 25), atol=0.02)


def test_colours_leave_out_extremes(night):
    (image,) = SpectrogramDisplay.from_recording(night).axes_[0].get_images()
    decibels = image.get_array().compressed()
    assert image.get_clim() == pytest.approx(np.percentile(decibels, [2, 98]))


def test_a_channel_or_a_modality(night, make_night):
    eog = SpectrogramDisplay.from_recording(night, "eog", high=20)
    assert eog.name == "eog"
    assert eog.freqs[-1] == pytest.approx(20)
    two = Signal(np.vstack([np.ones(12000), np.arange(12000) % 10]), 100, ["a", "b"])
    named = make_night(4).with_signals({"emg": two})
    assert SpectrogramDisplay.from_recording(named, "b").name == "b"
    with pytest.raises(ValueError, match="needs an epoch with a signal; got none"):
        SpectrogramDisplay.from_recording(named)  # the first channel of what there is


def test_resampling_changes_nothing_that_is_seen(make_night):
    """A fast signal is resampled before; its spectrum is that at the slower rate."""
    rng = np.random.default_rng(0)
    slow = Signal(rng.standard_normal((1, 7500)), 125)
    spectrum = np.fft.rfft(slow.data)
    fast = Signal(np.fft.irfft(spectrum, 30000) * 4, 500)
    night = make_night(2)
    one, two = (
        SpectrogramDisplay.from_recording(night.with_signals({"eeg": each})).density
        for each in (slow, fast)
    )
    inside = np.s_[:, 30:-30]
    np.testing.assert_allclose(10 * np.log10(two / one)[inside], 0, atol=0.5)


def test_one_axis_of_time_below_a_hypnogram(night):
    figure, axes = plt.subplots(2, sharex=True, layout="constrained")
    HypnogramDisplay.from_recording(night, ax=axes[0])
    display = SpectrogramDisplay.from_recording(night, ax=axes[1])
    assert display.figure_ is figure
    figure.canvas.draw()
    upper, lower = (ax.get_position() for ax in axes)
    assert (upper.x0, upper.x1) == pytest.approx((lower.x0, lower.x1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channel": "C3"}, "must be one of eeg, eog, eeg, eog. Got 'C3'"),
        ({"high": 60}, r"high <= sfreq / 2 = 50 Hz; got low=0\.5, high=60"),
        ({"ax": [None, None]}, "'ax' parameter must be 1 axes"),
    ],
)
def test_wrong_arguments(night, arguments, words):
    with pytest.raises(ValueError, match=words):
        SpectrogramDisplay.from_recording(night, **arguments)


def test_a_name_is_no_formula():
    density = np.ones((2, 3))
    display = SpectrogramDisplay(np.arange(1, 4), density, name=r"$\none$").plot()
    display.figure_.canvas.draw()
    assert display.axes_[0].get_title() == r"$\none$"


def test_features_have_no_spectrogram(make_night):
    night = make_night(4).with_signals({"eeg": Signal(np.ones((4, 3)))})
    with pytest.raises(ValueError, match=r"needs samples; '0' of .* is epoched"):
        SpectrogramDisplay.from_recording(night)
