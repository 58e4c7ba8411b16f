"""Scores of hypnograms, nights and modalities, as functions on arrays."""

from sleepkit.metrics._balance import (
    balance_coefficients,
    imbalance_degree,
    modality_performance,
    performance_shares,
)

__all__ = [
    "balance_coefficients",
    "imbalance_degree",
    "modality_performance",
    "performance_shares",
]
