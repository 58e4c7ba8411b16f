"""Checks of what a stream is made of, and of its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    unknown = [name for name in names if name not in sfreq]
    single = [name for name, given in names.items() if isinstance(given, str)]
    if unknown or single:
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


def check_chunk(
    chunk: Mapping[str, Any], n_channels: Mapping[str, int]
) -> dict[str, FloatArray]:
    """Check a chunk; return arrays of shape (n_channels, n_times)."""
    if not isinstance(chunk, Mapping) or not set(chunk) <= set(n_channels):
        found = list(chunk) if isinstance(chunk, Mapping) else type(chunk).__name__
        msg = (
            f"A chunk must map modalities of {_OWNER}, {list(n_channels)}, to samples. "
            f"Got {found} instead."
        )
        raise RecordingError(msg)
    arrays = {}
    for name, values in chunk.items():
        samples = np.asarray(values)
        if samples.ndim == 1:
            samples = samples[np.newaxis]
        expected = n_channels[name]
        if (
            samples.ndim != 2
            or len(samples) != expected
            or samples.dtype.kind not in "fiu"
        ):
            msg = (
                f"A chunk of {name!r} must be numbers of shape ({expected}, n_times). "
                f"Got {samples.dtype} of shape {np.shape(values)} instead."
            )
            raise RecordingError(msg)
        arrays[name] = samples
    return arrays


def per_modality(name: str, given: Any, modalities: Iterable[str]) -> dict[str, Any]:
    """Sample number or time of each modality in a chunk; None where there is none."""
    modalities = list(modalities)
    if not isinstance(given, Mapping):
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
