"""Cohorts of nights, real and simulated."""

from sleepkit.datasets._simulate import make_polysomnography

__all__ = ["make_polysomnography"]
