"""What an estimator is given to stage: all there is, a part of it, or worse."""

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
    """The modalities that are left, and a step that spoils them."""

    modalities: tuple[str, ...]
    corruption: Callable[[Recording], Recording] | None = None

    def apply(self, X: EpochArray) -> tuple[EpochArray | None, IntArray]:
        """Take what is left, and the rows that have any of it."""
        present = [there for name, there in X.present.items() if self._keeps(name)]
        rows = np.flatnonzero(np.any(present, axis=0)) if present else np.empty(0, int)
        if not rows.size:
            return None, rows
        given = X[rows]
        left = [name for name in given.modalities if self._keeps(name)]
        if len(left) < len(given.modalities):  # all of them keep what is cached of them
            given = given.select(left)
        if self.corruption is not None:
            given = given.map(self.corruption)
        return given, rows

    def _keeps(self, modality: str) -> bool:
        """Whether a modality is left."""
        return modality in self.modalities


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
            msg = f"The 'corruptions' parameter must not name one {name!r}."
            raise ValueError(msg)
        X.map(step)  # says now, not after hours, if it is no step
        conditions[name] = Condition(tuple(modalities), step)
    return conditions


def _list_subsets(modalities: Sequence[str], subsets: Subsets) -> list[tuple[str, ...]]:
    """Spell the subsets out, in the order of the modalities."""
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
    """Require modalities that there are."""
    asked = (subset,) if isinstance(subset, str) else tuple(subset)
    if not asked or set(asked) - set(modalities):
        msg = (
            "The 'subsets' parameter must hold non-empty sequences of the modalities "
            f"{tuple(modalities)}. Got {asked} instead."
        )
        raise ValueError(msg)
    return tuple(name for name in modalities if name in asked)
