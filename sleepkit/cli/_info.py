"""``sleepkit info``: what is in recordings, and what staging would use."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sleepkit import datasets, signal
from sleepkit.cli._arguments import MODALITIES, add_nights
from sleepkit.cli._channel_use import ChannelUse, explain_channels, explain_missing
from sleepkit.cli._messages import collect_notes, describe, print_failures
from sleepkit.cli._nights import find_nights, is_batch
from sleepkit.datasets._night import name_channel
from sleepkit.exceptions import ChannelError

if TYPE_CHECKING:
    from sleepkit.datasets._night import Channel
    from sleepkit.io import ChannelInfo
    from sleepkit.recording import Recording


EXAMPLE: Final = "sleepkit info night.edf"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the nights."""
    add_nights(parser)


def run(arguments: Namespace) -> bool:
    """Print the channels of nights and their use; return whether one failed."""
    batch = is_batch(arguments.nights)
    caught = (Exception,) if batch or arguments.json else ()
    nights = find_nights(arguments.nights)
    errors = {}
    for night in nights:
        info = NightInfo(night.path)
        with collect_notes() as info.notes:
            try:
                info.inspect(dict(arguments.channels), dict(arguments.units))
            except caught as error:
                errors[night.path] = info.error = describe(error)
        if arguments.json:
            print(info.to_json())
        else:
            _print(info, titled=batch)
    return print_failures(errors, len(nights))


def _print(info: NightInfo, *, titled: bool) -> None:
    """Print a file, under its path if there are several."""
    if titled:
        print(f"== {info.file}")
    if info.uses:
        _print_channels(info.uses)
    if info.used:
        _print_night(info)
    for name, reason in info.missing.items():
        print(f"{name:<6}{reason}")
    if info.unusable:
        print(f"\n{info.unusable}")
    for note in info.notes:
        print(f"note: {note}")
    if titled:
        print()


def _print_channels(uses: list[ChannelUse]) -> None:
    """Print a line for each channel."""
    rows = [
        (
            use.channel.label,
            use.channel.modality or "-",
            f"{use.channel.sfreq:6g} Hz",
            use.channel.unit or "-",
            _range(use.channel),
            str(use),
        )
        for use in uses
    ]
    rows.insert(0, ("channel", "known as", "rate", "unit", "range", "use"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _range(channel: ChannelInfo) -> str:
    """Range of values that the file can hold."""
    if channel.physical_min is None or channel.physical_max is None:
        return "-"
    return f"{channel.physical_min:g} to {channel.physical_max:g}"


def _print_night(info: NightInfo) -> None:
    """Print start, length, the channels used and their quality."""
    minutes, seconds = divmod(info.seconds or 0.0, 60)
    hours, minutes = divmod(minutes, 60)
    print(
        f"\nstart {info.start or 'unknown'}, duration {hours:.0f} h {minutes:.0f} min "
        f"{seconds:.0f} s: {info.n_epochs} epochs of {info.epoch_duration:g} s"
    )
    width = max(map(len, info.used.values())) + 2
    kinds = next(iter(info.bad.values()))
    print("\nwhat would be used, and the share of its epochs that are bad:")
    print(f"{'':<6}{'':<{width}}" + "".join(f"{kind:>9}" for kind in kinds))
    for name, label in info.used.items():
        shares = "".join(f"{share:9.0%}" for share in info.bad[name].values())
        print(f"{name:<6}{label:<{width}}{shares}")


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
