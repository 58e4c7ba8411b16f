"""Metrics of stagings, nights and modalities, as functions on arrays."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.metrics._agreement import (
        scores_of_confusion,
        staging_scores,
        staging_scores_by,
    )
    from sleepkit.metrics._balance import (
        balance_coefficients,
        imbalance_degree,
        modality_performance,
        modulation_coefficients,
        performance_shares,
    )
    from sleepkit.metrics._bootstrap import bootstrap_scores
    from sleepkit.metrics._calibration import (
        apply_temperature,
        expected_calibration_error,
        fit_temperature,
        reliability_curve,
    )
    from sleepkit.metrics._comparison import StagingComparison, compare_stagings
    from sleepkit.metrics._interrater import (
        consensus,
        pairwise_kappa,
        scores_against_consensus,
        soft_agreement,
    )
    from sleepkit.metrics._limits_of_agreement import compare_sleep_statistics
    from sleepkit.metrics._modality_contribution import modality_contribution
    from sleepkit.metrics._occlusion import Occlusion, occlusion
    from sleepkit.metrics._scorers import STAGING_SCORERS
    from sleepkit.metrics._selective import selective_staging
    from sleepkit.metrics._sleep_cycles import SleepCycle, sleep_cycles
    from sleepkit.metrics._sleep_statistics import sleep_statistics, stage_transitions
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "STAGING_SCORERS",
    "Occlusion",
    "SleepCycle",
    "StagingComparison",
    "apply_temperature",
    "balance_coefficients",
    "bootstrap_scores",
    "compare_sleep_statistics",
    "compare_stagings",
    "consensus",
    "expected_calibration_error",
    "fit_temperature",
    "imbalance_degree",
    "modality_contribution",
    "modality_performance",
    "modulation_coefficients",
    "occlusion",
    "pairwise_kappa",
    "performance_shares",
    "reliability_curve",
    "scores_against_consensus",
    "scores_of_confusion",
    "selective_staging",
    "sleep_cycles",
    "sleep_statistics",
    "soft_agreement",
    "stage_transitions",
    "staging_scores",
    "staging_scores_by",
]
