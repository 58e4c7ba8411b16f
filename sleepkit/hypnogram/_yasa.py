"""Hypnograms from and to YASA."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray
from sleepkit.hypnogram._stage_sets import LABELS
from sleepkit.utils import optional_import

_UNSCORED: Final = "UNS"
_NAMES: Final = {"W": "WAKE"}  # others are YASA's in capitals
_DIGITS: Final = 6  # of a second


def make_yasa(hypnogram: Any) -> Any:
    """Make YASA's object; it begins with the first epoch, not with the file."""
    yasa = optional_import("yasa", extra="yasa")
    names = [*_names(hypnogram.n_stages), _UNSCORED]  # UNSCORED is -1, the last
    return yasa.Hypnogram(
        [names[code] for code in hypnogram.stages],
        n_stages=hypnogram.n_stages,
        freq=f"{hypnogram.epoch_duration:.9g}s",
        start=hypnogram.first_epoch_start,
        scorer=hypnogram.scorer,
        proba=_make_proba(hypnogram.probabilities, names),
    )


def fields_of_yasa(hypnogram: Any) -> dict[str, Any]:
    """Fields of YASA's object; artefacts are unscored."""
    n_stages = hypnogram.n_stages
    names = _names(n_stages)
    codes = {name: code for code, name in enumerate(names)}
    start, scorer, proba = hypnogram.start, hypnogram.scorer, hypnogram.proba
    return {
        "stages": [codes.get(name, UNSCORED) for name in hypnogram.hypno],
        "epoch_duration": round(1 / hypnogram.sampling_frequency, _DIGITS),
        "start": None if start is None else datetime.fromisoformat(start.isoformat()),
        "scorer": None if scorer is None else str(scorer),
        "probabilities": None if proba is None else _probabilities(proba, names),
        "n_stages": n_stages,
    }


def _names(n_stages: int) -> list[str]:
    """YASA's names of the stages of a set."""
    return [_NAMES.get(label, label.upper()) for label in LABELS[n_stages]]


def _make_proba(probabilities: FloatArray | None, names: list[str]) -> Any:
    """Table of probabilities; an epoch without any is unscored for certain."""
    if probabilities is None:
        return None
    pandas = optional_import("pandas", extra="pandas")
    known = np.isfinite(probabilities).all(axis=1, keepdims=True)
    columns = np.hstack([np.where(known, probabilities, 0), ~known])
    return pandas.DataFrame(columns, columns=names)


def _probabilities(proba: Any, names: list[str]) -> FloatArray:
    """Probabilities of the stages; NaN where an epoch has none."""
    values = np.asarray(proba.reindex(columns=names, fill_value=0), dtype=float)
    total = values.sum(axis=1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1), np.nan)
