"""The step behind ``EpochArray.select`` and ``EpochArray.drop``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sleepkit.recording._recording import Recording
from sleepkit.recording._step import Layout


@dataclass(frozen=True)
class Selection:
    """Keep some modalities."""

    only_chooses: ClassVar[bool] = True  # nothing is computed

    names: tuple[str, ...]

    def layout(self, before: Layout) -> Layout:
        """Say what is left of some modalities."""
        return {name: n for name, n in before.items() if name in self.names}

    def __call__(self, recording: Recording) -> Recording:
        """Leave out the other modalities."""
        kept = {n: s for n, s in recording.signals.items() if n in self.names}
        return recording.with_signals(kept)
