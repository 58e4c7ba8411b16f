"""Stage sets: the five AASM stages, what they merge to, and how files spell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import FloatArray
from sleepkit.exceptions import HypnogramError

# Stages of each set; the code of a stage is its place.
LABELS: Final = {
    5: STAGES,
    4: ("W", "Light", "Deep", "REM"),
    3: ("W", "NREM", "REM"),
    2: ("W", "Sleep"),
}
UNSCORED_NAME: Final = "n/a"
# Stages in EDF+ annotations ("Sleep stage W"); UNSCORED is -1, the last.
EDF_NAMES: Final = ("W", "N1", "N2", "N3", "R", "?")
# Code in each set of W, N1, N2, N3 and REM.
_CODES: Final = {
    5: (0, 1, 2, 3, 4),
    4: (0, 1, 1, 2, 3),
    3: (0, 1, 1, 1, 2),
    2: (0, 1, 1, 1, 1),
}


def merging_matrix(n_from: int, n_to: int) -> FloatArray:
    """Return 1 where a stage of the one set is part of a stage of the other."""
    matrix = np.zeros((n_from, n_to))
    matrix[_CODES[n_from], _CODES[n_to]] = 1
    return matrix


def codes_of(names: Sequence[Any], n_stages: int) -> list[int]:
    """Codes of stages in words, as this package writes them."""
    codes = {label: code for code, label in enumerate(LABELS[n_stages])}
    codes[UNSCORED_NAME] = UNSCORED
    unknown = [name for name in dict.fromkeys(names) if name not in codes]
    if unknown:
        msg = (
            f"stages must be {', '.join(codes)}; got {', '.join(map(repr, unknown))}. "
            "Other spellings are read by sleepkit.io.read_hypnogram."
        )
        raise HypnogramError(msg)
    return [codes[name] for name in names]
