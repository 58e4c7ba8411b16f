"""Conditions of a test: all modalities, some of them, or corrupted signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias

import numpy as np

from sleepkit._typing import IntArray
from sleepkit.recording import EpochArray, Recording

ALL = "all"
Subsets: TypeAlias = str | Iterable[Sequence[str]] | None
Corruptions: TypeAlias = Mapping[str, Callable[[Recording], Recording]] | None


class Condition(NamedTuple):
    """Modalities that are kept, and a step that corrupts the nights."""

    modalities: tuple[str, ...]
    corruption: Callable[[Recording], Recording] | None = None

    def apply(self, X: EpochArray) -> tuple[EpochArray | None, IntArray]:
        """Return the rows with any of the modalities, changed, and their numbers."""
        present = [mask for name, mask in X.present.items() if name in self.modalities]
        rows = np.flatnonzero(np.any(present, axis=0)) if present else np.empty(0, int)
        if not rows.size:
            return None, rows
        given = X[rows]
        kept = [name for name in given.modalities if name in self.modalities]
        if len(kept) < len(given.modalities):  # else the nights keep their fingerprint
            given = given.select(kept)
        if self.corruption is not None:
            given = given.map(self.corruption)
        return given, rows


def make_conditions(
    X: EpochArray, subsets: Subsets, corruptions: Corruptions
) -> dict[str, Condition]:
    """Name the conditions: all modalities, each subset, each corruption."""
    modalities = X.modalities
    conditions = {ALL: Condition(tuple(modalities))}
    for subset in _list_subsets(modalities, subsets):
        conditions["+".join(subset)] = Condition(subset)
    for name, step in (corruptions or {}).items():
        if not isinstance(name, str) or name in conditions:
            msg = (
                "The 'corruptions' parameter must have strings as keys that name no "
                f"other condition. Got {name!r} instead."
            )
            raise ValueError(msg)
        X.map(step)  # fail early on an invalid step
        conditions[name] = Condition(tuple(modalities), step)
    return conditions


def _list_subsets(modalities: Sequence[str], subsets: Subsets) -> list[tuple[str, ...]]:
    """List the subsets, each in the order of the modalities."""
    if subsets is None:
        return []
    n = len(modalities)
    if isinstance(subsets, str):
        sizes = {"drop_one": [n - 1], "every": range(n - 1, 0, -1)}
        if subsets not in sizes:
            msg = (
                "The 'subsets' parameter must be 'drop_one', 'every' or sequences of "
                f"modalities. Got {subsets!r} instead."
            )
            raise ValueError(msg)
        found = [s for k in sizes[subsets] for s in combinations(modalities, k)]
        return [subset for subset in found if subset]
    return [_check_subset(modalities, subset) for subset in subsets]


def _check_subset(modalities: Sequence[str], subset: Sequence[str]) -> tuple[str, ...]:
    """Require a non-empty subset of the modalities."""
    names = (subset,) if isinstance(subset, str) else tuple(subset)
    if not names or set(names) - set(modalities):
        msg = (
            "The 'subsets' parameter must hold non-empty sequences of the modalities "
            f"{tuple(modalities)}. Got {names} instead."
        )
        raise ValueError(msg)
    return tuple(name for name in modalities if name in names)
