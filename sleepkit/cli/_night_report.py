"""What is reported of a night that was staged, or could not be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sleepkit._stages import UNSCORED
from sleepkit.cli._messages import place

if TYPE_CHECKING:
    from sleepkit.pipelines import StagedNight

LOW_CONFIDENCE: Final = 0.5  # below it, the other stages together are as probable


@dataclass
class NightReport:
    """A night: its channels, its stages if there are any, and else the error.

    `channels` holds label and rate by modality, `missing` the reason by modality.
    """

    file: Path
    id: str
    channels: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    staged: StagedNight | None = None
    notes: list[str] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    error: str = ""

    @property
    def warnings(self) -> list[str]:
        """What the user should know: missing modalities, then notes."""
        missing = [f"{name}: {reason}." for name, reason in self.missing.items()]
        return missing + self.notes

    def __str__(self) -> str:
        if self.staged is None:
            return f"failed  {place(self.error, self.file)}"
        found = self._measured()
        parts = [
            ", ".join(f"{name} {label}" for name, label in self.channels.items()),
            f"{found['n_epochs']} epochs, confidence {found['mean_confidence']:.2f}",
            f"{found['n_unscored']} unscored" if found["n_unscored"] else "",
            f"{found['n_flagged']} flagged" if found["n_flagged"] else "",
            f"warnings: {len(self.warnings)}" if self.warnings else "",
        ]
        return f"staged  {self.file}: {'; '.join(filter(None, parts))}"

    def facts(self) -> dict[str, Any]:
        """File, status, length, confidence and flags; None is unknown."""
        status = "failed" if self.error else "staged"
        facts = {"file": str(self.file), "id": self.id, "status": status}
        return facts | {"error": self.error or None} | self._measured()

    def statistics(self) -> dict[str, float | None]:
        """Sleep statistics; None where undefined."""
        if self.staged is None:
            return {}
        found = self.staged.hypnogram.statistics()
        return {name: rounded(value) for name, value in found.items()}

    def _measured(self) -> dict[str, Any]:
        """Measure length, confidence and flags; None if the night is not staged."""
        if self.staged is None:
            names = ("start", "hours", "n_epochs", "n_unscored", "n_flagged")
            return dict.fromkeys((*names, "mean_confidence", "low_confidence"))
        night, flagged = self.staged.hypnogram, self.staged.flagged
        scored = night.stages != UNSCORED
        confidence = self.staged.confidence[scored]
        doubtful = (confidence < LOW_CONFIDENCE) | flagged[scored]
        return {
            "start": night.start.isoformat() if night.start else None,
            "hours": rounded(len(night) * night.epoch_duration / 3600),
            "n_epochs": len(night),
            "n_unscored": int((~scored).sum()),
            "n_flagged": int(flagged.sum()),
            "mean_confidence": rounded(confidence.mean()),
            "low_confidence": rounded(doubtful.mean()),
        }


def rounded(value: float) -> float | None:
    """Round to four decimals; None for NaN, which JSON does not have."""
    return None if math.isnan(value) else round(float(value), 4)
