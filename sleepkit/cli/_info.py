"""``sleepkit info``: channels and signal quality of a recording."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sleepkit import datasets, io, signal
from sleepkit.cli._arguments import MODALITIES, add_night
from sleepkit.datasets._night import name_channel
from sleepkit.exceptions import ChannelError

if TYPE_CHECKING:
    from sleepkit.io import ChannelInfo
    from sleepkit.recording import Recording

EXAMPLE: Final = "sleepkit info night.edf"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the night."""
    add_night(parser)


def run(arguments: Namespace) -> None:
    """Print channels, and the quality of those that would be used."""
    channels = io.describe_channels(arguments.night)
    _print_channels(channels)
    try:
        night = datasets.load_night(
            arguments.night, modalities=MODALITIES, channels=dict(arguments.channels)
        )
    except ChannelError as error:
        if arguments.channels:
            raise
        print(f"\n{error}")
        return
    _print_night(night)
    _print_quality(night)


def _print_channels(channels: Sequence[ChannelInfo]) -> None:
    """Print a line for each channel."""
    width = max(len(channel.label) for channel in channels) + 2
    print(f"{'channel':<{width}}{'known as':<10}{'rate':>9}  {'unit':<8}{'range'}")
    for channel in channels:
        print(
            f"{channel.label:<{width}}{channel.modality or '-':<10}"
            f"{channel.sfreq:6g} Hz  {channel.unit or '-':<8}{_range(channel)}"
        )


def _range(channel: ChannelInfo) -> str:
    """Range of values that the file can hold."""
    if channel.physical_min is None or channel.physical_max is None:
        return "-"
    return f"{channel.physical_min:g} to {channel.physical_max:g}"


def _print_night(night: Recording) -> None:
    """Print start and length of the night."""
    seconds = min(s.shape[1] / (s.sfreq or 1.0) for s in night.signals.values())
    hours, minutes = divmod(seconds // 60, 60)
    start = f"{night.start:%Y-%m-%d %H:%M:%S}" if night.start else "unknown"
    print(
        f"\nstart {start}, duration {hours:.0f} h {minutes:.0f} min "
        f"{seconds % 60:.0f} s: {night.n_epochs} epochs of {night.epoch_duration:g} s"
    )


def _print_quality(night: Recording) -> None:
    """Print the share of bad epochs of each channel that staging would use."""
    names = {name: name_channel(night, name) for name in night.modalities}
    width = max(map(len, names.values())) + 2
    print("\nwhat would be used, and the share of its epochs that are bad:")
    kinds = [kind for kind in signal.WindowFlags._fields if kind != "sd"]
    print(f"{'':<6}{'':<{width}}" + "".join(f"{kind:>9}" for kind in kinds))
    for name, block in night.signals.items():
        sfreq = block.sfreq or 0.0
        epochs = signal.to_epochs(block.data, sfreq, night.epoch_duration)
        flags = signal.flag_windows(
            epochs[: night.n_epochs].swapaxes(0, -2),
            sfreq=sfreq,
            limits=signal.QUALITY_LIMITS.get(name),
        )
        shares = "".join(f"{getattr(flags, kind).mean():9.0%}" for kind in kinds)
        print(f"{name:<6}{names[name]:<{width}}{shares}")
