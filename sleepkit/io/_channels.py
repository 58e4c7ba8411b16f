"""Channels of a file, and those of each modality that are recognised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sleepkit._messages import shortened
from sleepkit.io._channel_names import parse_label

_MAX_LISTING: Final = 500  # characters of the labels in a message


class ChannelInfo(NamedTuple):
    """Header information of one channel.

    Parameters
    ----------
    position : int
        Position, from 0, among the channels of the file; it identifies a channel whose
        label occurs twice.
    label : str
        Name in the file.
    modality : str or None
        Modality that the channel is read as; None if it is not read by itself.
    sfreq : float
        Sampling rate in hertz.
    n_times : int
        Number of samples.
    unit : str
        Unit as spelt in the file.
    physical_min : float or None
        Lowest value that the file can store, in `unit`; samples there are clipped.
        None if the format has no such limit, NaN if the header is damaged.
    physical_max : float or None
        Highest value that the file can store, in `unit`.
    minus : int, default=None
        Position of the ear or mastoid that is subtracted from an electrode without a
        reference of its own.
    candidate : str, default=None
        Modality that the label may mean, although the channel is not read as such.
    note : str, default=""
        Why the channel is not read, or how; empty if there is nothing to say.

    Examples
    --------
    >>> from sleepkit.io import ChannelInfo
    >>> ChannelInfo(0, "C3-M2", "eeg", 200.0, 5_760_000, "uV", -500.0, 500.0).modality
    'eeg'
    """

    position: int
    label: str
    modality: str | None
    sfreq: float
    n_times: int
    unit: str
    physical_min: float | None
    physical_max: float | None
    minus: int | None = None
    candidate: str | None = None
    note: str = ""

    @property
    def is_damaged(self) -> bool:
        """Whether its range cannot be read from the header."""
        return self.physical_min is not None and math.isnan(self.physical_min)


class Derivation(NamedTuple):
    """Channel of a modality: one channel of the file, or one minus another."""

    name: str
    plus: ChannelInfo
    minus: ChannelInfo | None = None

    @property
    def channels(self) -> tuple[ChannelInfo, ...]:
        """Channels of the file that it is computed from."""
        return (self.plus,) if self.minus is None else (self.plus, self.minus)


def recognised(
    channels: Sequence[ChannelInfo], names: Sequence[str]
) -> dict[str, list[Derivation]]:
    """Channels of each modality that the file has, in the order of their labels.

    The order in files differs from night to night, which would swap the left and the
    right eye. Damaged channels are left out where a modality has others.
    """
    found = {}
    for name in names:
        known = [channel for channel in channels if channel.modality == name]
        known.sort(key=_rank)
        whole = [channel for channel in known if not channel.is_damaged]
        if known:
            found[name] = [_derivation(channel, channels) for channel in whole or known]
    return found


def remarks(
    found: Mapping[str, Sequence[Derivation]],
    channels: Sequence[ChannelInfo],
    names: Sequence[str],
    source: str,
) -> list[str]:
    """Warnings: what a label may mean and is not read, and how the rest is read."""
    messages = []
    for name in names:
        if name not in found and (hint := _hint(name, channels)):
            messages.append(f"No {name} was recognised in {source}.{hint}")
        damaged = [c.label for c in channels if c.modality == name and c.is_damaged]
        if damaged and not any(item.plus.is_damaged for item in found[name]):
            messages.append(
                f"The header of {source} is damaged for {', '.join(damaged)}: left out "
                f"of {name}."
            )
        notes = [
            f"{item.plus.label} ({item.plus.note})"
            for item in found.get(name, ())
            if item.plus.note and not item.plus.is_damaged
        ]
        if notes:
            messages.append(
                f"{name} of {source}: {', '.join(notes)}. Choose with channels=."
            )
    return messages


def nothing_known(
    channels: Sequence[ChannelInfo], names: Sequence[str], source: str
) -> str:
    """Message that no channel of some modalities is recognised."""
    hints = "".join(_hint(name, channels) for name in names)
    return (
        f"No channel of {source} has a known label of {', '.join(names)}; name yours, "
        f"as in channels={{{names[0]!r}: [...]}}; on the command line, --channels "
        f"{names[0]}=LABEL.{hints} {listing(channels)}"
    )


def listing(channels: Sequence[ChannelInfo]) -> str:
    """Labels of the file, for messages."""
    labels = ", ".join(channel.label for channel in channels)
    return f"Its channels are: {shortened(labels, _MAX_LISTING)}."


def _rank(channel: ChannelInfo) -> tuple[bool, tuple[int, ...]]:
    """Place of a channel in the order of labels, unknown labels last."""
    rank = parse_label(channel.label).rank
    return (not rank, rank)


def _derivation(channel: ChannelInfo, channels: Sequence[ChannelInfo]) -> Derivation:
    """Channel, minus its reference where that is a channel of its own."""
    if channel.minus is None:
        return Derivation(channel.label, channel)
    minus = channels[channel.minus]
    return Derivation(f"{channel.label}-{minus.label}", channel, minus)


def _hint(name: str, channels: Sequence[ChannelInfo]) -> str:
    """Labels that may mean a modality, and the argument that takes the first."""
    candidates = [channel for channel in channels if channel.candidate == name]
    if not candidates:
        return ""
    label = candidates[0].label
    reasons = ", ".join(f"{channel.label} ({channel.note})" for channel in candidates)
    return (
        f" Not read: {reasons}. To read it, channels={{{name!r}: [{label!r}]}}; "
        f"on the command line, --channels {name}={label!r}."
    )
