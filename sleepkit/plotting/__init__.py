"""Displays of nights and stagers; matplotlib is imported when one is drawn."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.plotting._attention import AttentionDisplay
    from sleepkit.plotting._balance import BalanceDisplay
    from sleepkit.plotting._confusion import ConfusionDisplay
    from sleepkit.plotting._embedding import EmbeddingDisplay
    from sleepkit.plotting._hypnogram import HypnogramDisplay
    from sleepkit.plotting._modality_contribution import ModalityContributionDisplay
    from sleepkit.plotting._occlusion import OcclusionDisplay
    from sleepkit.plotting._reliability import ReliabilityDisplay
    from sleepkit.plotting._spectrogram import SpectrogramDisplay
    from sleepkit.plotting._training import TrainingDisplay
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "AttentionDisplay",
    "BalanceDisplay",
    "ConfusionDisplay",
    "EmbeddingDisplay",
    "HypnogramDisplay",
    "ModalityContributionDisplay",
    "OcclusionDisplay",
    "ReliabilityDisplay",
    "SpectrogramDisplay",
    "TrainingDisplay",
]
