"""The step that a transformer leaves on a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Final

import numpy as np

from sleepkit.recording import Recording

_FOR_ARRAYS: Final = frozenset({"sfreq", "modalities"})


class Apply:
    """A frozen copy of a transformer, applied to one recording at a time.

    It holds the parameters and fitted attributes that the values of a recording depend
    on, and nothing else. So equal steps pickle alike in every process, as cache keys
    need, and changing the transformer later changes no recording it has transformed.

    Parameters
    ----------
    transformer : RecordingTransformer
        Its ``_transform_recording`` makes the values, its ``_layout`` announces them.
    """

    def __init__(self, transformer: Any) -> None:
        parameters = {
            name: _frozen(value)
            for name, value in transformer.get_params(deep=False).items()
            if name not in _FOR_ARRAYS
        }
        self._transformer = type(transformer)(**parameters)
        for name in transformer._fitted_state:
            if hasattr(transformer, name):
                setattr(self._transformer, name, _frozen(getattr(transformer, name)))
        # Hashes sort the keys of mappings, but their order is that of the columns.
        self._order = [
            tuple(value)
            for value in vars(self._transformer).values()
            if isinstance(value, Mapping)
        ]

    def __call__(self, recording: Recording) -> Recording:
        """Transform a recording."""
        transformed: Recording = self._transformer._transform_recording(recording)
        return transformed

    def layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Announce the modalities, and their numbers of features, that come out."""
        after: Mapping[str, int | None] = self._transformer._layout(before)
        return after

    def __repr__(self) -> str:
        """Name the transformer and its parameters, for manifests and errors."""
        values = ", ".join(
            f"{name}={value!r}"
            for name, value in self._transformer.get_params(deep=False).items()
            if name not in _FOR_ARRAYS
        )
        return f"{type(self._transformer).__name__}({values})"


def _frozen(value: Any) -> Any:
    """Copy a value into a form in which equal values pickle alike."""
    if isinstance(value, Mapping):
        return {key: _frozen(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return np.array(value, order="C")
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_frozen, value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_frozen, value))
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value
