"""Colours that are distinct with any colour vision, and figures of one column."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sleepkit.plotting import HypnogramDisplay
from sleepkit.plotting._panels import COLORS, COLUMN, DISTINCT

# What is left of linear RGB, by Machado, Oliveira and Fernandes (2009).
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}
TO_XYZ = [
    [0.4124, 0.3576, 0.1805],
    [0.2126, 0.7152, 0.0722],
    [0.0193, 0.1192, 0.9505],
]


def cielab(color, vision):
    """Place of a colour in CIELAB, where a distance of 2.3 is just noticed."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    seen = np.clip(np.array(vision) @ linear, 0, 1)
    x, y, z = np.cbrt(TO_XYZ @ seen / np.array([0.9505, 1, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    ("colors", "least"),
    [(COLORS.values(), 20), (DISTINCT, 15)],
    ids=["stages", "lines"],
)
def test_colours_differ_with_any_colour_vision(colors, least, vision):
    places = [cielab(color, VISION[vision]) for color in colors]
    distances = [np.linalg.norm(a - b) for a, b in combinations(places, 2)]
    assert min(distances) > least


def test_deeper_sleep_is_darker():
    lightness = {stage: cielab(COLORS[stage], np.eye(3))[0] for stage in (1, 2, 3)}
    assert lightness[1] > lightness[2] > lightness[3]


def test_letters_have_seven_points_in_a_column():
    """Of all that is drawn, at the width of the figure that a display makes."""
    display = HypnogramDisplay.from_predictions([0, 2], probabilities=np.eye(5)[:2])
    assert display.figure_.get_figwidth() == COLUMN
    texts = display.figure_.findobj(lambda artist: hasattr(artist, "get_fontsize"))
    printed = [t.get_fontsize() * 85 / 25.4 / COLUMN for t in texts if t.get_text()]
    assert min(printed) > 7
