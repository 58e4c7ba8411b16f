"""The parts of one simulated night, each a pure function of its seed."""

from sleepkit.datasets._simulator._array import SENSORS, SimulatedArray
from sleepkit.datasets._simulator._night import EPOCH_DURATION, NightSeed, draw_night

__all__ = [
    "EPOCH_DURATION",
    "SENSORS",
    "NightSeed",
    "SimulatedArray",
    "draw_night",
]
