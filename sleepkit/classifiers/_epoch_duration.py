"""Length of the epochs of stagers whose kernels last as long at any sampling rate."""

from __future__ import annotations

from typing import Any

from sleepkit.training import EpochSource


def fitted_duration(epoch_duration: float | None, source: EpochSource) -> float:
    """Seconds of an epoch: of the parameter, else of the nights, else 30."""
    return epoch_duration or source.epoch_duration or 30.0


def check_duration(stager: Any, source: EpochSource) -> None:
    """Refuse nights with epochs of another length than those of the fit."""
    duration = source.epoch_duration
    fitted = getattr(stager, "epoch_duration_", None)
    if fitted is not None and duration not in {None, fitted}:
        msg = (
            f"{type(stager).__name__} takes epochs of {fitted:g} s, by "
            "its parameter 'epoch_duration' or by the nights that it was fitted on; X "
            f"has epochs of {duration:g} s."
        )
        raise ValueError(msg)
