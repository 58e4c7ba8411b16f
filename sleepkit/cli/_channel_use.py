"""Which channels of a file are used, which not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sleepkit import io
from sleepkit.cli._messages import collect_notes
from sleepkit.exceptions import ChannelError

if TYPE_CHECKING:
    from sleepkit.datasets._night import Channel
    from sleepkit.io import ChannelInfo

_MIN_SFREQ: Final = 32.0  # Hz; slower channels hold no EEG, EOG or EMG
_UNKNOWN: Final = "its name is not known"


class ChannelUse(NamedTuple):
    """A channel of a file, the modality that it is used for, and how, or why not."""

    channel: ChannelInfo
    modality: str | None
    reason: str

    def __str__(self) -> str:
        use = f"used as {self.modality}" if self.modality else "not used"
        return f"{use}: {self.reason}" if self.reason else use


def explain_channels(
    path: Path, modalities: Sequence[str], named: Mapping[str, Channel]
) -> list[ChannelUse]:
    """Use of each channel of a file, as `sleepkit.datasets.load_night` chooses them."""
    with collect_notes():  # which `load_night` gives again
        channels = io.describe_channels(path)
        try:
            chosen = io.choose_channels(path, modalities, named)
        except ChannelError:  # there is none
            chosen = {}
    used: dict[int, str] = {}
    taken: dict[str, str] = {}  # label by modality, the first of a difference
    for modality, choice in chosen.items():
        for key in choice if isinstance(choice, tuple) else (choice,):
            for channel in channels:
                if _is_named(channel, key):
                    used[channel.position] = modality
                    taken.setdefault(modality, channel.label)
    return [_use(channel, used.get(channel.position), taken) for channel in channels]


def explain_missing(
    uses: Sequence[ChannelUse], modalities: Sequence[str]
) -> dict[str, str]:
    """Modalities without a channel, each with the labels that could be meant."""
    used = {use.modality for use in uses}
    unknown = [use.channel for use in uses if use.reason == _UNKNOWN]
    others = [channel.label for channel in unknown if channel.sfreq >= _MIN_SFREQ]
    missing = {}
    for modality in modalities:
        if modality in used:
            continue
        likely = [u.channel.label for u in uses if u.channel.candidate == modality]
        missing[modality] = "not in this file"
        if likely:  # a warning of the reader has reasons, and the argument
            missing[modality] = f"not read: {', '.join(likely)}"
        elif others:
            missing[modality] = (
                f"no label is known as {modality}; --channels {modality}=LABEL takes "
                f"one of {', '.join(others)}"
            )
    return missing


def _use(
    channel: ChannelInfo, modality: str | None, taken: Mapping[str, str]
) -> ChannelUse:
    """Use of a channel, given the label that is used of each modality."""
    if modality is not None:
        how = channel.note if channel.modality == modality else ""
        return ChannelUse(channel, modality, how)
    reason = channel.note or _UNKNOWN
    if not channel.note and channel.modality is not None:
        other = taken.get(channel.modality)
        reason = f"{channel.modality} is not needed"
        if other is not None:
            reason = f"{other} is used as {channel.modality}"
    return ChannelUse(channel, None, reason)


def _is_named(channel: ChannelInfo, key: str | int) -> bool:
    """Whether a position or label, as `sleepkit.io` compares them, is a channel's."""
    if isinstance(key, int):
        return channel.position == key
    from sleepkit.io._channel_names import fold  # imports NumPy

    return fold(channel.label) == fold(key)
