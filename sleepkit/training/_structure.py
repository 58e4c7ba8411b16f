"""Nested structures of tensors: what a module may return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def map_tensors(function: Callable[..., Any], *structures: Any) -> Any:
    """Apply a function to the tensors of structures that are alike.

    A structure is a tensor, or a mapping, tuple or named tuple of structures; anything
    else is left as it is in the first one.
    """
    first = structures[0]
    if isinstance(first, Tensor):
        return function(*structures)
    if isinstance(first, Mapping):
        return {n: map_tensors(function, *(s[n] for s in structures)) for n in first}
    if isinstance(first, tuple):
        parts = [
            map_tensors(function, *group) for group in zip(*structures, strict=True)
        ]
        return first._make(parts) if hasattr(first, "_make") else tuple(parts)
    return first


def leaves(structure: Any) -> Iterator[Any]:
    """Go through the tensors of a structure, and whatever else is in it."""
    if isinstance(structure, Mapping | tuple):
        parts = structure.values() if isinstance(structure, Mapping) else structure
        for part in parts:
            yield from leaves(part)
    else:
        yield structure
