"""Selection of the channels of each modality."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.io._channel_names import fold, modalities
from sleepkit.io._channels import (
    ChannelInfo,
    Derivation,
    listing,
    nothing_known,
    recognised,
    remarks,
)
from sleepkit.io._units import ELECTRODE_MODALITIES

ChannelKey: TypeAlias = str | int
ChannelItem: TypeAlias = ChannelKey | tuple[ChannelKey, ChannelKey]
ChannelSpec: TypeAlias = (
    Mapping[str, ChannelItem | Sequence[ChannelItem]] | Sequence[str]
)
Selection: TypeAlias = Mapping[str, tuple[Derivation, ...]]


def select_channels(
    channels: Sequence[ChannelInfo], spec: ChannelSpec | None, source: str
) -> Selection:
    """Channels of each modality, as specified or recognised by their labels."""
    if spec is None:
        spec, needs_all = ELECTRODE_MODALITIES, False
    else:
        needs_all = True
    if not spec:
        msg = "channels names no modality; leave it out to recognise known labels."
        raise ChannelError(msg)
    if isinstance(spec, Mapping):
        return {
            modality: _specified(modality, items, channels, source)
            for modality, items in spec.items()
        }
    names = [spec] if isinstance(spec, str) else list(spec)
    for name in names:
        if name not in modalities():
            msg = (
                f"channels must name modalities of {', '.join(modalities())}, or map "
                f"them to labels, as in {{'eeg': [{name!r}]}}; got {name!r}."
            )
            raise ChannelError(msg)
    found = recognised(channels, names)
    absent = [name for name in names if name not in found]
    if absent and (needs_all or not found):
        raise ChannelError(nothing_known(channels, absent, source))
    for message in remarks(found, channels, names, source):
        warnings.warn(message, SleepkitWarning, stacklevel=4)
    return {
        modality: _of_one_rate(modality, group, source)
        for modality, group in found.items()
    }


def _of_one_rate(
    modality: str, group: list[Derivation], source: str
) -> tuple[Derivation, ...]:
    """Channels of a modality at its most frequent rate, each of another name."""
    kept, left_out = _split_by_rate(group)
    if left_out:
        msg = (
            f"The {modality} channels of {source} differ in rate: those at "
            f"{kept[0].plus.sfreq:g} Hz are read, without "
            f"{', '.join(_named(item.plus) for item in left_out)}. "
            "Choose with channels=."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=6)
    counts = Counter(item.name for item in kept)
    for name in counts:
        if counts[name] > 1:
            same = [item.plus for item in kept if item.name == name]
            raise ChannelError(_ambiguous(name, same, source))
    return tuple(kept)


def _split_by_rate(
    group: list[Derivation],
) -> tuple[list[Derivation], list[Derivation]]:
    """Channels at the most frequent rate (in a tie, the higher), and the others."""
    counts = Counter(item.plus.sfreq for item in group)
    best = max(counts, key=lambda sfreq: (counts[sfreq], sfreq))
    kept = [item for item in group if item.plus.sfreq == best]
    return kept, [item for item in group if item.plus.sfreq != best]


def _specified(
    modality: str,
    items: ChannelItem | Sequence[ChannelItem],
    channels: Sequence[ChannelInfo],
    source: str,
) -> tuple[Derivation, ...]:
    """Channels and differences specified for one modality."""
    listed = [items] if isinstance(items, str | int | tuple) else list(items)
    if not listed:
        msg = f"channels names no channel for {modality!r}; leave the modality out."
        raise ChannelError(msg)
    found = tuple(_derive(item, channels, source) for item in listed)
    parts = [channel for derivation in found for channel in derivation.channels]
    if len({channel.sfreq for channel in parts}) > 1:
        rates = ", ".join(map(_named, parts))
        msg = (
            f"The channels of one modality must share a rate; {modality!r} has {rates}."
        )
        raise ChannelError(msg)
    return found


def _derive(
    item: ChannelItem, channels: Sequence[ChannelInfo], source: str
) -> Derivation:
    """One channel, or for a pair the first minus the second."""
    if not isinstance(item, tuple):
        channel = _find(item, channels, source)
        return Derivation(channel.label, channel)
    if len(item) != 2:
        msg = f"A tuple means first minus second and needs two channels; got {item!r}."
        raise ChannelError(msg)
    plus, minus = (_find(key, channels, source) for key in item)
    return Derivation(f"{plus.label}-{minus.label}", plus, minus)


def _find(key: ChannelKey, channels: Sequence[ChannelInfo], source: str) -> ChannelInfo:
    """Channel by position or label; case and spaces count only where needed."""
    if isinstance(key, int):
        found = [channel for channel in channels if channel.position == key]
    else:
        found = [c for c in channels if c.label == key] or [
            c for c in channels if fold(c.label) == fold(key)
        ]
    if not found:
        msg = f"{source} has no channel {key!r}. {listing(channels)}"
        raise ChannelError(msg)
    if len(found) > 1:
        raise ChannelError(_ambiguous(key, found, source))
    return found[0]


def _ambiguous(key: ChannelKey, found: Sequence[ChannelInfo], source: str) -> str:
    """Message that a label occurs more than once."""
    indices = ", ".join(str(channel.position) for channel in found)
    return (
        f"{source} has {len(found)} channels called {key!r}, at the positions "
        f"{indices}: name one by its position, as in channels={{'eeg': "
        f"[{found[0].position}]}}."
    )


def _named(channel: ChannelInfo) -> str:
    """Label and rate of a channel, for messages."""
    return f"{channel.label!r} ({channel.sfreq:g} Hz)"
