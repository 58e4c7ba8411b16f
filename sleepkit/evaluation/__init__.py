"""Evaluation of stagers without leakage, with any modality missing."""

from sleepkit.evaluation._cross_validate import cross_validate_staging
from sleepkit.evaluation._evaluate import evaluate_staging
from sleepkit.evaluation._protocols import (
    Protocol,
    incomplete_training,
    medfusesleep_protocol,
    noisy_folds,
    sleepmg_protocol,
)
from sleepkit.evaluation._result import StagingResult

__all__ = [
    "Protocol",
    "StagingResult",
    "cross_validate_staging",
    "evaluate_staging",
    "incomplete_training",
    "medfusesleep_protocol",
    "noisy_folds",
    "sleepmg_protocol",
]
