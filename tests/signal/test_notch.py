"""Invalid notches and harmonics; test_filter.py compares the design with MNE's."""

from __future__ import annotations

import pytest

from sleepkit.signal import design_notch, line_harmonics


def test_bad_notches_are_named():
    for freqs in ([0.4], [49.8], [20, 20.5]):
        with pytest.raises(ValueError, match=r"apart.*sfreq / 2 = 50 Hz; got freqs="):
            design_notch(100, freqs)


def test_harmonics_end_below_nyquist():
    assert line_harmonics(512, 60) == (60.0, 120.0, 180.0, 240.0)
    assert line_harmonics(101, 50) == ()  # 50 + 0.125 + 0.5 > 50.5
    assert line_harmonics(102, 50) == (50.0,)
