"""Descriptions of estimators and data as JSON values, for the protocol of a run."""

from __future__ import annotations

import dataclasses
import math
import pickle
import platform
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from os import PathLike, fspath
from typing import Any, Final

import joblib
import numpy as np

from sleepkit._stages import STAGES
from sleepkit._typing import Array, IntArray
from sleepkit.evaluation._conditions import Condition
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.utils import package_versions, versions

_PACKAGES: Final = (
    "joblib",
    "mne",
    "numpy",
    "scikit-learn",
    "scipy",
    "skorch",
    "torch",
)


def describe(value: Any) -> Any:
    """Describe an estimator by its class and parameters, recursively."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN and no infinity
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return {str(key): describe(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [describe(part) for part in value]
    return _describe_object(value)


def _describe_object(value: Any) -> Any:
    """Describe a value that has no JSON type."""
    if isinstance(value, partial):
        value = {"function": value.func, "args": value.args, **value.keywords}
        return describe(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return _name(value)
    if hasattr(value, "get_params"):
        parameters = value.get_params(deep=False)
    elif dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        parameters = {field.name: getattr(value, field.name) for field in fields}
    else:
        return f"{_name(type(value))}:{_hash(value)}"
    return {"class": _name(type(value)), "parameters": describe(parameters)}


def hash_fitted(estimator: Any) -> dict[str, str]:
    """Hash what is fitted in the parameters of an estimator, such as a teacher.

    Clones keep such parameters, whose own parameters do not tell their weights.
    """
    found = {}
    for key, value in estimator.get_params().items():
        parts = value if isinstance(value, (list, tuple)) else [value]
        of_parts = [
            fitted_values(part) | hash_fitted(part)
            for part in parts
            if hasattr(part, "get_params") and not isinstance(part, type)
        ]
        if any(of_parts):
            found[key] = _hash(of_parts)
    return found


def fitted_values(estimator: Any) -> dict[str, Any]:
    """Find the fitted attributes of an estimator; of nets, the weights."""
    found = {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }
    if "net_" in found:
        weights = estimator.module_.state_dict().items()
        found["net_"] = {name: values.cpu().numpy() for name, values in weights}
    return found


def _hash(value: Any) -> str:
    """Hash a value; one that cannot be pickled gets a new hash each time."""
    try:
        return str(joblib.hash(value))
    except (pickle.PicklingError, TypeError, AttributeError):
        return uuid.uuid4().hex


def _name(thing: Any) -> str:
    """Return the full name of a class or function."""
    return f"{thing.__module__}.{thing.__qualname__}"


def describe_run(
    estimators: Mapping[str, Any],
    X: EpochArray,
    y: IntArray,
    conditions: Mapping[str, Condition],
    window: str,
) -> dict[str, Any]:
    """Describe what was scored, of which subjects, and with which software."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions([*estimators.values(), *conditions.values()]),
        "scoring_window": window,
        "data": _describe_data(X, y),
        "conditions": {n: describe(c._asdict()) for n, c in conditions.items()},
        "estimators": {name: describe(e) for name, e in estimators.items()},
    }


def _versions(used: Any) -> dict[str, str]:
    """List the versions that the scores may depend on."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **versions(*_PACKAGES),
        **package_versions(used),
    }


def _describe_data(X: EpochArray, y: IntArray) -> dict[str, Any]:
    """Count subjects, nights, epochs and channels, and list the nights."""
    counts = np.bincount(y, minlength=len(STAGES)).tolist()
    return {
        "n_subjects": len({recording.subject for recording in X.recordings}),
        "n_recordings": len(X.recordings),
        "n_epochs": len(X),
        "stages": dict(zip(STAGES, counts, strict=True)),
        "modalities": list(X.modalities),
        "channels": _count_channels(X.recordings),
        "recordings": [
            {
                "id": recording.id,
                "subject": recording.subject,
                "n_epochs": len(rows),
                "fingerprint": recording.fingerprint,
            }
            for recording, rows, _ in X.by_recording()
        ],
    }


def describe_rows(X: EpochArray, y: IntArray) -> dict[str, Array]:
    """Return subject, recording, epoch and true stage of each row."""
    rows = {name: getattr(X, name) for name in ("subject", "recording", "epoch")}
    return {**rows, "true": y}


def hash_rows(X: EpochArray, y: IntArray) -> str:
    """Hash nights, epochs, order, stages and training mask of rows."""
    nights = [recording.fingerprint for recording in X.recordings]
    return str(joblib.hash((nights, X.recording, X.epoch, X.train_mask, y)))


def _count_channels(recordings: tuple[Recording, ...]) -> dict[str, dict[str, int]]:
    """Count the nights that have each channel, by modality."""
    counts: dict[str, Counter[str]] = {}
    for recording in recordings:
        for name, signal in recording.sources.items():
            counts.setdefault(name, Counter()).update(_channels(signal))
    return {name: dict(counter) for name, counter in counts.items()}


def _channels(signal: Signal) -> list[str]:
    """Name the channels with their rate, or the shape of epoched data."""
    if signal.sfreq is None:
        return [f"epochs of shape {signal.shape[1:]}"]
    return [f"{channel} ({signal.sfreq:g} Hz)" for channel in signal.ch_names]
