"""The step that a transformer leaves on a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, Self

import numpy as np

from sleepkit.recording import Recording

# Of plain arrays, and what a fitted seed stands for.
_NOT_OF_NIGHTS: Final = frozenset({"sfreq", "modalities", "random_state"})


@dataclass(frozen=True, repr=False)
class Apply:
    """A frozen copy of a transformer, applied to one recording at a time.

    It holds the parameters and fitted attributes that the values of a recording depend
    on, and nothing else. So equal steps pickle alike in every process, as cache keys
    need, and changing the transformer later changes no recording it has transformed.

    Attributes
    ----------
    transformer : RecordingTransformer
        The copy. Its ``_transform_recording`` computes, its ``_layout`` announces.
    order : list of tuple of str
        Keys of the mappings in it: hashes sort them, but columns follow their order.
    """

    transformer: Any
    order: list[tuple[str, ...]]

    @classmethod
    def of(cls, transformer: Any) -> Self:
        """Make the step out of a transformer as it is now."""
        copy = type(transformer)(**_parameters(transformer))
        for name in transformer._fitted_state:
            if hasattr(transformer, name):
                setattr(copy, name, _frozen(getattr(transformer, name)))
        values = vars(copy).values()
        return cls(copy, [tuple(each) for each in values if isinstance(each, Mapping)])

    def __call__(self, recording: Recording) -> Recording:
        """Transform a recording."""
        transformed: Recording = self.transformer._transform_recording(recording)
        return transformed

    def layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Announce the modalities, and their numbers of features, that come out."""
        after: Mapping[str, int | None] = self.transformer._layout(before)
        return after

    def __repr__(self) -> str:
        """Name the transformer and its parameters, for manifests and errors."""
        parameters = _parameters(self.transformer).items()
        values = ", ".join(f"{name}={value!r}" for name, value in parameters)
        return f"{type(self.transformer).__name__}({values})"


def _parameters(transformer: Any) -> dict[str, Any]:
    """Copy the parameters that the values of recordings depend on."""
    return {
        name: _frozen(value)
        for name, value in transformer.get_params(deep=False).items()
        if name not in _NOT_OF_NIGHTS
    }


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
