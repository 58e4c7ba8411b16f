"""NotchFilter on nights and plain arrays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sleepkit.preprocessing import NotchFilter
from sleepkit.recording import Recording, Signal
from sleepkit.signal import design_notch, filter_signal


def hum(sfreq, freqs, seconds=60):
    """Make a 10-Hz rhythm with lines in it, and the rhythm alone."""
    times = np.arange(seconds * sfreq) / sfreq
    rhythm = np.sin(2 * np.pi * 10 * times)
    return rhythm + sum(np.sin(2 * np.pi * f * times) for f in freqs), rhythm


@pytest.mark.parametrize(("freq", "lines"), [(50, [50, 100]), (60, [60, 120])])
def test_removes_the_line_and_its_harmonics_only(freq, lines):
    x, rhythm = hum(256, lines)
    night = Recording(id="n", subject="s", signals={"eeg": Signal(x, 256)})
    ours = NotchFilter(freq).fit_transform(night).recordings[0].signals["eeg"]
    inside = slice(2000, -2000)
    np.testing.assert_allclose(ours.data[0, inside], rhythm[inside], atol=0.01)
    assert ours.provenance == ()


def test_each_signal_at_its_own_rate(make_night):
    night = make_night(modalities=("ecg", "eog"))  # 200 and 50 Hz
    signals = NotchFilter().fit_transform(night).recordings[0].signals
    expected = filter_signal(night.signals["ecg"].data, design_notch(200, [50]))
    np.testing.assert_array_equal(signals["ecg"].data, expected)
    np.testing.assert_array_equal(signals["eog"].data, night.signals["eog"].data)
    note = "notch left out: no room for 50 Hz below 25 Hz"
    assert signals["eog"].provenance == (note,)


def test_plain_arrays_gaps_and_missing_rows():
    x = np.stack([hum(200, [50])[0], hum(200, [])[0]])[:, np.newaxis]
    x[0, 0, 5000:5100] = np.nan
    x[1] = np.nan
    ours = NotchFilter(sfreq=200).fit_transform(x)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(x))
    np.testing.assert_array_equal(ours, filter_signal(x, design_notch(200, [50])))
    low = NotchFilter(sfreq=100).fit_transform(x)
    np.testing.assert_array_equal(low, x)


def test_clone_and_pickle(make_night):
    notch = NotchFilter(60).fit(make_night())
    assert clone(notch).get_params() == notch.get_params()
    again = pickle.loads(pickle.dumps(notch)).transform(make_night())
    np.testing.assert_array_equal(
        again.epochs("eeg"), notch.transform(make_night()).epochs("eeg")
    )


@pytest.mark.parametrize(("freq", "match"), [(0, "'freq'"), (1.5, "freq >= 2 Hz; got")])
def test_bad_frequencies_are_named(make_night, freq, match):
    with pytest.raises(ValueError, match=match):
        NotchFilter(freq).fit(make_night())
