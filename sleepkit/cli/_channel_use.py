"""Which channels of a file are used, which not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sleepkit.datasets._night import choose_channels

if TYPE_CHECKING:
    from sleepkit.datasets._night import Channel
    from sleepkit.io import ChannelInfo

_MIN_SFREQ: Final = 32.0  # Hz; slower channels hold no EEG, EOG or EMG


class ChannelUse(NamedTuple):
    """A channel of a file, the modality that it is used for, or the reason why not."""

    channel: ChannelInfo
    modality: str | None
    reason: str

    def __str__(self) -> str:
        if self.modality is not None:
            return f"used as {self.modality}"
        return f"not used: {self.reason}"


def explain_channels(
    channels: Sequence[ChannelInfo],
    modalities: Sequence[str],
    named: Mapping[str, Channel],
) -> list[ChannelUse]:
    """Use of each channel, as `sleepkit.datasets.load_night` chooses them."""
    chosen = choose_channels(channels, modalities) | dict(named)
    used: dict[int, str] = {}
    for modality, choice in chosen.items():
        for key in choice if isinstance(choice, tuple) else (choice,):
            used |= {c.position: modality for c in channels if _is_named(c, key)}
    taken = {used[c.position]: c.label for c in channels if c.position in used}
    return [
        ChannelUse(
            channel,
            used.get(channel.position),
            "" if channel.position in used else _reason(channel, taken),
        )
        for channel in channels
    ]


def explain_missing(
    uses: Sequence[ChannelUse], modalities: Sequence[str]
) -> dict[str, str]:
    """Modalities without a channel, each with the labels that could be meant."""
    used = {use.modality for use in uses}
    missing = {}
    for modality in modalities:
        if modality in used:
            continue
        labels = [u.channel.label for u in uses if _could_be_meant(u, modality)]
        missing[modality] = "not in this file"
        if labels:
            missing[modality] = (
                f"no label is known as {modality}; --channels {modality}=LABEL takes "
                f"one of {', '.join(labels)}"
            )
    return missing


def _reason(channel: ChannelInfo, taken: Mapping[str, str]) -> str:
    """Why a channel is not used, given the label that is used of each modality."""
    if channel.modality is None:
        slow = channel.sfreq < _MIN_SFREQ
        return f"its rate is {channel.sfreq:g} Hz" if slow else "its name is not known"
    if channel.modality in taken:
        return f"{taken[channel.modality]} is used as {channel.modality}"
    return f"{channel.modality} is not needed"


def _could_be_meant(use: ChannelUse, modality: str) -> bool:
    """Whether an unused channel could be one of a missing modality."""
    channel = use.channel
    if use.modality is not None or channel.modality is not None:
        return False
    return channel.sfreq >= _MIN_SFREQ or modality in _fold(channel.label)


def _is_named(channel: ChannelInfo, key: str | int) -> bool:
    """Whether a position or label, up to case and blanks, is that of a channel."""
    if isinstance(key, int):
        return channel.position == key
    return _fold(channel.label) == _fold(key)


def _fold(label: str) -> str:
    """Label without case and blanks."""
    return "".join(label.split()).casefold()
