"""Which channels of a file the command uses, and the night they make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from sleepkit.exceptions import ChannelError
from sleepkit.io import ChannelInfo, describe_channels, read_recording
from sleepkit.recording import Recording

MODALITIES: Final = ("eeg", "eog", "emg")
# Derivations differ between files; central ones are in nearly all of them.
_FAVOURITES: Final = {
    "eeg": ("c4", "c3", "cz", "^eeg$"),
    "eog": ("e1", "loc", "eog1"),
    "emg": ("chin",),
}

ChannelChoice: TypeAlias = Mapping[str, str | int | tuple[str, str]]


def choose_channels(
    channels: Iterable[ChannelInfo], asked: ChannelChoice
) -> ChannelChoice:
    """Take one channel a modality: the one asked for, or the best of known label.

    One, because nights that are to be compared rarely have the same number of them.
    """
    found: dict[str, list[ChannelInfo]] = {name: [] for name in MODALITIES}
    for channel in channels:
        if channel.modality in found:
            found[channel.modality].append(channel)
    chosen: dict[str, str | int | tuple[str, str]] = {
        name: min(known, key=_rank).position for name, known in found.items() if known
    }
    return chosen | dict(asked)


def read_night(
    path: Path,
    asked: ChannelChoice,
    *,
    modalities: Iterable[str] = MODALITIES,
    hypnogram: Path | None = None,
    scheme: str | None = None,
    subject: str | None = None,
) -> Recording:
    """Read the chosen channels of a night; gaps in it are missing signal."""
    channels = describe_channels(path)
    chosen = choose_channels(channels, asked)
    wanted = {name: chosen[name] for name in modalities if name in chosen}
    if not wanted:
        msg = (
            f"No channel of {path} is known as {', '.join(modalities)}; name one, as "
            "in --channels eeg=C4-M1. Its channels are: "
            f"{', '.join(channel.label for channel in channels)}."
        )
        raise ChannelError(msg)
    return read_recording(
        path,
        channels=wanted,
        hypnogram=hypnogram,
        scheme=scheme,
        subject=subject,
        on_gap="fill",
    )


def name_channel(night: Recording, modality: str) -> str:
    """Name the channel that stands for a modality, with its rate."""
    signal = night.signals[modality]
    return f"{signal.ch_names[0]} ({signal.sfreq:g} Hz)"


def _rank(channel: ChannelInfo) -> tuple[int, int]:
    """Order the channels of a modality, the first of the file's among equals."""
    label = "".join(channel.label.split()).casefold()
    favourites = _FAVOURITES[channel.modality or ""]
    fitting = [i for i, mark in enumerate(favourites) if re.search(mark, label)]
    return (min(fitting, default=len(favourites)), channel.position)
