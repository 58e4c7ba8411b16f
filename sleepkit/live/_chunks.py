"""Checks of what a stream is made of, and of its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from numbers import Real
from typing import Any, Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.utils import check_positive

_OWNER: Final = "StreamingStager"


def check_layout(
    sfreq: Mapping[str, float], ch_names: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Rate and names of the channels of each modality."""
    if not isinstance(sfreq, Mapping) or not sfreq:
        msg = (
            f"The 'sfreq' parameter of {_OWNER} must be a mapping of modalities to "
            f"hertz. Got {sfreq!r} instead."
        )
        raise ValueError(msg)
    names = ch_names or {}
    if not (
        isinstance(names, Mapping)
        and set(names) <= set(sfreq)
        and all(given and not isinstance(given, str) for given in names.values())
    ):
        msg = (
            f"The 'ch_names' parameter of {_OWNER} must map modalities of 'sfreq' to "
            f"sequences of names. Got {ch_names!r} instead."
        )
        raise ValueError(msg)
    return {
        name: (
            check_positive(f"sfreq[{name!r}]", rate, owner=_OWNER),
            tuple(map(str, names.get(name, (name,)))),
        )
        for name, rate in sfreq.items()
    }


def check_start(start: datetime | None) -> datetime | None:
    """Check the start of the recording."""
    if start is None or isinstance(start, datetime):
        return start
    msg = (
        f"The 'start' parameter of {_OWNER} must be a datetime or None. "
        f"Got {start!r} instead."
    )
    raise ValueError(msg)


def check_chunk(
    chunk: Mapping[str, Any], n_channels: Mapping[str, int]
) -> dict[str, FloatArray]:
    """Check a chunk; return float32 of shape (n_channels, n_times), or NaN."""
    if not isinstance(chunk, Mapping) or not set(chunk) <= set(n_channels):
        found = list(chunk) if isinstance(chunk, Mapping) else type(chunk).__name__
        msg = (
            f"A chunk must map modalities of {_OWNER}, {list(n_channels)}, to samples. "
            f"Got {found} instead."
        )
        raise RecordingError(msg)
    arrays = {}
    for name, values in chunk.items():
        arrays[name] = _check_samples(name, values, n_channels[name])
    return arrays


def _check_samples(name: str, values: Any, n_channels: int) -> FloatArray:
    """Check the samples of a modality; what is not finite becomes NaN."""
    try:
        samples = np.asarray(values)
        found = f"{samples.dtype} of shape {samples.shape}"
    except ValueError:
        samples, found = np.empty(0, object), "rows of different lengths"
    if samples.ndim == 1:
        samples = samples[np.newaxis]
    if (
        samples.ndim != 2
        or len(samples) != n_channels
        or samples.dtype.kind not in "fiu"
    ):
        msg = (
            f"A chunk of {name!r} must be numbers of shape ({n_channels}, n_times). "
            f"Got {found} instead."
        )
        raise RecordingError(msg)
    with np.errstate(over="ignore"):
        samples = samples.astype(np.float32, copy=False)
    return np.where(np.isfinite(samples), samples, np.float32(np.nan))


def per_modality(
    name: str, given: Any, modalities: Iterable[str], known: Iterable[str]
) -> dict[str, Any]:
    """Sample number or time of each modality in a chunk; None where there is none."""
    modalities, known = list(modalities), list(known)
    if isinstance(given, Mapping):
        if not set(given) <= set(known):
            msg = (
                f"{name!r} of a chunk must map modalities of {_OWNER}, {known}. "
                f"Got {list(given)} instead."
            )
            raise RecordingError(msg)
    else:
        if name == "at" and given is not None and len(modalities) > 1:
            msg = (
                f"With {modalities} in a chunk, 'at' must be a mapping of them to "
                f"sample numbers. Got {given!r} instead."
            )
            raise RecordingError(msg)
        given = dict.fromkeys(modalities, given)
    values = {each: given.get(each) for each in modalities}
    for each, value in values.items():
        if value is not None and not _is_number(value, whole=name == "at"):
            rule = "a whole number" if name == "at" else "a finite number of seconds"
            msg = f"{name!r} of a chunk of {each!r} must be {rule}. Got {value!r}."
            raise RecordingError(msg)
    return values


def _is_number(value: Any, *, whole: bool) -> bool:
    """Whether a value is a finite number, or a whole one."""
    kinds: Any = (int, np.integer) if whole else Real
    return (
        isinstance(value, kinds) and not isinstance(value, bool) and np.isfinite(value)
    )
