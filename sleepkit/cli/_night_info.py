"""What is in a recording file, and what of it staging would use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepkit import datasets, signal
from sleepkit.cli._arguments import MODALITIES
from sleepkit.cli._channel_use import ChannelUse, explain_channels, explain_missing
from sleepkit.cli._messages import describe
from sleepkit.datasets._night import name_channel
from sleepkit.exceptions import ChannelError

if TYPE_CHECKING:
    from sleepkit.datasets._night import Channel
    from sleepkit.recording import Recording


@dataclass
class NightInfo:
    """A recording file: `error` if it cannot be read, `unusable` if not be staged.

    `used` holds label and rate by modality, `missing` the reason by modality, and `bad`
    the share of bad epochs by modality and kind.
    """

    file: Path
    uses: list[ChannelUse] = field(default_factory=list)
    missing: Mapping[str, str] = field(default_factory=dict)
    used: Mapping[str, str] = field(default_factory=dict)
    bad: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    start: str | None = None
    seconds: float | None = None
    n_epochs: int | None = None
    epoch_duration: float | None = None
    notes: list[str] = field(default_factory=list)
    unusable: str = ""
    error: str = ""

    def inspect(
        self, channels: Mapping[str, Channel], units: Mapping[str, str]
    ) -> None:
        """Read the file and fill in what it says."""
        self.uses = explain_channels(self.file, MODALITIES, channels)
        self.missing = explain_missing(self.uses, MODALITIES)
        try:
            night = datasets.load_night(
                self.file, modalities=MODALITIES, channels=channels, units=units
            )
        except ChannelError as error:
            if channels or units:
                raise
            self.unusable = describe(error)
            return
        blocks = night.signals.items()
        self.used = {name: name_channel(night, name) for name, _ in blocks}
        self.bad = {name: _bad_shares(night, name) for name, _ in blocks}
        self.start = f"{night.start:%Y-%m-%d %H:%M:%S}" if night.start else None
        self.seconds = min(s.shape[1] / (s.sfreq or 1.0) for _, s in blocks)
        self.n_epochs, self.epoch_duration = night.n_epochs, night.epoch_duration

    def to_json(self) -> str:
        """Return one line of JSON."""
        document: dict[str, Any] = {
            "file": str(self.file),
            "error": self.error or self.unusable or None,
            "start": self.start,
            "seconds": self.seconds,
            "n_epochs": self.n_epochs,
            "epoch_duration": self.epoch_duration,
            "channels": [
                use.channel._asdict() | {"used_as": use.modality, "reason": use.reason}
                for use in self.uses
            ],
            "used": self.used,
            "missing": self.missing,
            "bad_epochs": self.bad,
            "warnings": self.notes,
        }
        return json.dumps(document)


def _bad_shares(night: Recording, modality: str) -> dict[str, float]:
    """Share of the epochs of a modality that are bad, by kind."""
    block = night.signals[modality]
    epochs = signal.to_epochs(block.data, block.sfreq or 0.0, night.epoch_duration)
    flags = signal.flag_windows(
        epochs[: night.n_epochs].swapaxes(0, -2),
        sfreq=block.sfreq,
        limits=signal.QUALITY_LIMITS.get(modality),
    )
    return {kind: float(getattr(flags, kind).mean()) for kind in flags.kinds}
