"""Selection of the channels of each modality."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.io._channel_names import fold, is_electrode, modalities, rank
from sleepkit.io._units import ELECTRODE_MODALITIES

ChannelKey: TypeAlias = str | int
ChannelItem: TypeAlias = ChannelKey | tuple[ChannelKey, ChannelKey]
ChannelSpec: TypeAlias = (
    Mapping[str, ChannelItem | Sequence[ChannelItem]] | Sequence[str]
)


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
        Modality recognised from the label; None if the label is unknown.
    sfreq : float
        Sampling rate in hertz.
    n_times : int
        Number of samples.
    unit : str
        Unit as spelt in the file.
    physical_min : float or None
        Lowest value that the file can store, in `unit`; samples there are clipped.
        None if the format has no such limit.
    physical_max : float or None
        Highest value that the file can store, in `unit`.

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


class Derivation(NamedTuple):
    """Channel of a modality: one channel of the file, or one minus another."""

    name: str
    plus: ChannelInfo
    minus: ChannelInfo | None = None

    @property
    def channels(self) -> tuple[ChannelInfo, ...]:
        """Channels of the file that it is computed from."""
        return (self.plus,) if self.minus is None else (self.plus, self.minus)


Selection: TypeAlias = Mapping[str, tuple[Derivation, ...]]


def select_channels(
    channels: Sequence[ChannelInfo], spec: ChannelSpec | None, source: str
) -> Selection:
    """Channels of each modality, as specified or recognised by their labels."""
    if spec is None:
        return _recognised(channels, ELECTRODE_MODALITIES, source)
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
    return _recognised(channels, names, source, needs_all=True)


def _recognised(
    channels: Sequence[ChannelInfo],
    names: Sequence[str],
    source: str,
    *,
    needs_all: bool = False,
) -> Selection:
    """Channels with a known label; within a modality, those that share a rate.

    Their order is that of the table: the order in files differs from night to night,
    which would swap the left and the right eye.
    """
    groups: dict[str, list[ChannelInfo]] = {name: [] for name in names}
    for channel in sorted(channels, key=lambda channel: rank(channel.label)):
        if channel.modality in groups:
            groups[channel.modality].append(_find(channel.label, channels, source))
    absent = [name for name in names if not groups[name]]
    labels = [channel.label for channel in channels] if "eeg" in absent else []
    bare = list(filter(is_electrode, labels))
    if absent and (needs_all or len(absent) == len(names)):
        msg = (
            f"No channel of {source} has a known label of {', '.join(absent)}; name "
            f"yours, as in channels={{{absent[0]!r}: [...]}}.{_hint(bare)} "
            f"{_listing(channels)}"
        )
        raise ChannelError(msg)
    if bare:
        _warn(f"No EEG was recognised in {source}.{_hint(bare)}")
    selection = {}
    for modality, group in groups.items():
        kept, left_out = _split_by_rate(group)
        if left_out:
            _warn(
                f"The {modality} channels of {source} differ in rate: those at "
                f"{kept[0].sfreq:g} Hz are read, without "
                f"{', '.join(map(_named, left_out))}. Choose with channels=."
            )
        selection[modality] = tuple(Derivation(c.label, c) for c in kept)
    return {modality: kept for modality, kept in selection.items() if kept}


def _split_by_rate(
    channels: list[ChannelInfo],
) -> tuple[list[ChannelInfo], list[ChannelInfo]]:
    """Channels at the most frequent rate (in a tie, the higher), and the others."""
    counts = Counter(channel.sfreq for channel in channels)
    best = max(counts, key=lambda sfreq: (counts[sfreq], sfreq), default=None)
    kept = [channel for channel in channels if channel.sfreq == best]
    return kept, [channel for channel in channels if channel.sfreq != best]


def _warn(message: str) -> None:
    """Warn at the line that reads the file."""
    warnings.warn(message, SleepkitWarning, stacklevel=6)


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
        msg = f"{source} has no channel {key!r}. {_listing(channels)}"
        raise ChannelError(msg)
    if len(found) > 1:
        indices = ", ".join(str(channel.position) for channel in found)
        msg = (
            f"{source} has {len(found)} channels called {key!r}, at the positions "
            f"{indices}: name one by its position, as in channels={{'eeg': "
            f"[{found[0].position}]}}."
        )
        raise ChannelError(msg)
    return found[0]


def _named(channel: ChannelInfo) -> str:
    """Label and rate of a channel, for messages."""
    return f"{channel.label!r} ({channel.sfreq:g} Hz)"


def _hint(bare: Sequence[str]) -> str:
    """Advice on unreferenced electrodes."""
    if not bare:
        return ""
    return (
        f" {', '.join(bare)} look unreferenced: a pair is a difference, as in "
        f"channels={{'eeg': [({bare[0]!r}, 'A1')]}}."
    )


def _listing(channels: Sequence[ChannelInfo]) -> str:
    """Labels of the file, for messages."""
    return f"Its channels are: {', '.join(channel.label for channel in channels)}."
