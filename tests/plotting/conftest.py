"""What the tests of the displays share.

Fixtures
--------
close_figures : no figure outlives its test (used by every test)
"""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

mpl.use("agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Close all figures after each test."""
    yield
    plt.close("all")
