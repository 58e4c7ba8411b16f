from __future__ import annotations

import math

from sleepkit.live import StreamReport


def test_drift_is_a_share_of_the_declared_rate():
    assert StreamReport(1, 0, 0, 0, 100.0, 101.0).drift == 0.01 + (1.01 - 1 - 0.01)
    assert math.isnan(StreamReport(1, 0, 0, 0, 100.0, math.nan).drift)
