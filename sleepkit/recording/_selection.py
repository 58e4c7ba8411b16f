"""The step behind ``EpochArray.select`` and ``EpochArray.drop``."""

from __future__ import annotations

from dataclasses import dataclass

from sleepkit.recording._recording import Recording


@dataclass(frozen=True)
class Selection:
    """Keep some modalities."""

    names: tuple[str, ...]

    def modalities(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Say what is left of some modalities."""
        return tuple(name for name in names if name in self.names)

    def __call__(self, recording: Recording) -> Recording:
        """Leave out the other modalities."""
        signals = recording.signals
        return recording.with_signals(
            {name: signals[name] for name in self.modalities(tuple(signals))}
        )
