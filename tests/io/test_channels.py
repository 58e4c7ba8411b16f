from __future__ import annotations

import math

from sleepkit.io import ChannelInfo


def test_a_channel_says_little_by_default():
    channel = ChannelInfo(0, "POS", None, 1.0, 60, "", 0.0, 3.0)
    assert channel[8:] == (None, None, "")
    assert not channel.is_damaged


def test_a_range_that_cannot_be_read_is_nan():
    channel = ChannelInfo(0, "C3-M2", "eeg", 100.0, 60, "uV", math.nan, math.nan)
    assert channel.is_damaged
    assert not channel._replace(physical_min=None).is_damaged
