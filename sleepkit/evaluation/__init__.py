"""Evaluation of stagers without leakage, with any modality missing."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
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
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

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
