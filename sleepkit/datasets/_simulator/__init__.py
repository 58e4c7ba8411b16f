"""The parts of one simulated night, each a pure function of its seed."""

from sleepkit.datasets._simulator._array import SENSORS, SimulatedArray
from sleepkit.datasets._simulator._night import EPOCH_DURATION, NightSeed, draw_night
from sleepkit.datasets._simulator._site import Site, draw_site

__all__ = [
    "EPOCH_DURATION",
    "SENSORS",
    "NightSeed",
    "SimulatedArray",
    "Site",
    "draw_night",
    "draw_site",
]
