"""Displays of nights and stagers; matplotlib is imported when one is drawn."""

from sleepkit.plotting._embedding import EmbeddingDisplay
from sleepkit.plotting._hypnogram import HypnogramDisplay
from sleepkit.plotting._training import TrainingDisplay

__all__ = ["EmbeddingDisplay", "HypnogramDisplay", "TrainingDisplay"]
