"""Hypnograms as JSON, with every field."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import numpy as np

from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram._stage_sets import LABELS, UNSCORED_NAME, codes_of

_FORMAT: Final = "sleepkit-hypnogram"
_VERSION: Final = 1


def dump_json(hypnogram: Any) -> str:
    """Render every field; what an epoch does not have is null."""
    stages = [None if name == UNSCORED_NAME else name for name in hypnogram.names]
    probabilities = hypnogram.probabilities
    if probabilities is not None:
        known = np.isfinite(probabilities).all(axis=1)
        rows = zip(probabilities.tolist(), known, strict=True)
        probabilities = [row if complete else None for row, complete in rows]
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "labels": hypnogram.labels,
        "epoch_duration": hypnogram.epoch_duration,
        "onset": hypnogram.onset,
        "start": None if hypnogram.start is None else hypnogram.start.isoformat(),
        "scorer": hypnogram.scorer,
        "stages": stages,
        "probabilities": probabilities,
    }
    return json.dumps(content, ensure_ascii=False)


def fields_of_json(text: str) -> dict[str, Any]:
    """Fields of a hypnogram that `dump_json` rendered."""
    try:
        content = json.loads(text)
    except ValueError as error:
        msg = f"from_json needs the JSON text that to_json returns; {error}."
        raise HypnogramError(msg) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        msg = (
            f"from_json needs the format {_FORMAT!r} that to_json writes; other JSON "
            "files are read by sleepkit.io.read_hypnogram."
        )
        raise HypnogramError(msg)
    if content.get("version") != _VERSION:
        msg = (
            f"from_json reads version {_VERSION} of {_FORMAT!r}; got "
            f"{content.get('version')!r}, of another version of sleepkit."
        )
        raise HypnogramError(msg)
    try:
        return _fields(content)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"the JSON hypnogram is damaged: {error!r}."
        raise HypnogramError(msg) from error


def _fields(content: dict[str, Any]) -> dict[str, Any]:
    """Fields by their names in the class."""
    n_stages = len(content["labels"])
    if tuple(content["labels"]) != LABELS.get(n_stages):
        msg = (
            f"'labels' must be one of {list(LABELS.values())}; got {content['labels']}"
        )
        raise ValueError(msg)
    names = [UNSCORED_NAME if name is None else name for name in content["stages"]]
    start, rows = content["start"], content["probabilities"]
    if rows is not None:
        rows = [[np.nan] * n_stages if row is None else row for row in rows]
        rows = np.array(rows, dtype=float).reshape(-1, n_stages)
    return {
        "stages": codes_of(names, n_stages),
        "epoch_duration": content["epoch_duration"],
        "onset": content["onset"],
        "start": None if start is None else datetime.fromisoformat(start),
        "scorer": content["scorer"],
        "probabilities": rows,
        "n_stages": n_stages,
    }
