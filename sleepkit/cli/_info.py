"""``sleepkit info``: what is in recordings, and what staging would use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from sleepkit.cli._arguments import add_nights
from sleepkit.cli._messages import collect_notes, describe
from sleepkit.cli._night_info import NightInfo
from sleepkit.cli._nights import find_nights, is_batch
from sleepkit.cli._print_nights import print_failures

if TYPE_CHECKING:
    from sleepkit.cli._channel_use import ChannelUse
    from sleepkit.io import ChannelInfo

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
