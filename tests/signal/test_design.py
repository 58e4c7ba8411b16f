"""Invalid bands, and those that need no filter.

That the designs are MNE's is seen in what they do to a signal: see test_filter.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.signal import design_bandpass
from sleepkit.signal._design import check_band, effective_band


@pytest.mark.parametrize("fir_order", [None, 100])
def test_high_edge_at_nyquist_means_no_low_pass(fir_order):
    for high in (25, 40):
        np.testing.assert_array_equal(
            design_bandpass(50, 0.3, high, fir_order=fir_order),
            design_bandpass(50, 0.3, None, fir_order=fir_order),
        )
    assert design_bandpass(50, None, 40, fir_order=fir_order).tolist() == [1]
    assert effective_band(50, 0.3, 24.9, owner="x") == (0.3, 24.9)


def test_bad_bands_are_named():
    with pytest.raises(ValueError, match=r"Me needs 0 < low < high; got low=8, high=4"):
        check_band(8, 4, owner="Me")
    with pytest.raises(ValueError, match="needs 0 < low < high; got low=8, high=4"):
        effective_band(100, 8, 4, owner="Me")
    with pytest.raises(ValueError, match=r"low < sfreq / 2 = 0.5 Hz.*got low=10"):
        design_bandpass(1, 10, None)
    with pytest.raises(ValueError, match="'low' parameter"):
        design_bandpass(100, -1, 30)
    with pytest.raises(ValueError, match="'high' parameter"):
        design_bandpass(100, None, 0)
    with pytest.raises(ValueError, match="'sfreq' parameter"):
        design_bandpass(0, 1, 30)
    with pytest.raises(ValueError, match="even fir_order; got fir_order=99"):
        design_bandpass(100, 1, 30, fir_order=99)
