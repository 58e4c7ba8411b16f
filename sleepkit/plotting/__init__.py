"""Pictures of nights; matplotlib is imported when the first one is drawn."""

from sleepkit.plotting._hypnogram import HypnogramDisplay

__all__ = ["HypnogramDisplay"]
