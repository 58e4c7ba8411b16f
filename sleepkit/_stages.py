"""The five AASM sleep stages: names, codes and order, stated once."""

from __future__ import annotations

from typing import Final

STAGES: Final = ("W", "N1", "N2", "N3", "REM")
N_STAGES: Final = len(STAGES)
UNSCORED: Final = -1
WAKE, N1, N2, N3, REM = range(N_STAGES)
