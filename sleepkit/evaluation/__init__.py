"""Figures that can be trusted: no leaks, all conditions, and how they came about."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.evaluation._cross_validate import cross_validate_staging
    from sleepkit.evaluation._evaluate import evaluate_staging
    from sleepkit.evaluation._incomplete_training import incomplete_training
    from sleepkit.evaluation._noisy_folds import noisy_folds
    from sleepkit.evaluation._presets import (
        Protocol,
        medfusesleep_protocol,
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
