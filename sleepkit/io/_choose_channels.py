"""One channel for each modality of a file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Final

from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.io._channel_names import parse_label
from sleepkit.io._channels import Derivation, nothing_known, recognised, remarks
from sleepkit.io._read_recording import describe_channels
from sleepkit.io._select_channels import ChannelItem

_CENTRAL: Final = ("c4", "c3", "cz")  # in nearly all files
_EARS: Final = ("a1", "a2", "m1", "m2", "linked")


def choose_channels(
    path: str | PathLike[str],
    modalities: Sequence[str] = ("eeg", "eog", "emg"),
    channels: Mapping[str, ChannelItem] | None = None,
) -> dict[str, ChannelItem]:
    """Choose one channel of each modality of a file, as staging reads it.

    For EEG, it is C4, then C3, then Cz, each rather against an ear or mastoid, and then
    ``"EEG"`` alone; for EOG the left eye, for EMG the chin. An electrode without a
    reference is one only where no channel has one, minus the opposite ear or mastoid
    if the file has it; on the chin, minus another electrode there.

    Parameters
    ----------
    path : path-like
        A file as for `read_recording`. Its samples are not read.
    modalities : sequence of str, default=("eeg", "eog", "emg")
        Modalities to look for.
    channels : mapping of str to str, int or pair of these, default=None
        Channels that are chosen already, by modality.

    Returns
    -------
    dict of str to int or pair of int
        `channels`, and for each other modality that the file has the position of its
        channel, or two positions for the first minus the second; for the parameter
        ``channels`` of `read_recording`.

    Raises
    ------
    ChannelError
        If there is no channel of any of the modalities.
    RecordingError
        If the file is missing, damaged or holds no signals.

    Warns
    -----
    SleepkitWarning
        If a modality is absent although a label may mean it, or if the channel is an
        electrode without a reference.

    See Also
    --------
    describe_channels : List the channels, with what each is recognised as.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from sleepkit.io import choose_channels
    >>> noise = np.random.default_rng(0).normal(size=6000)
    >>> eeg = [edfio.EdfSignal(noise, 100, label=label, physical_dimension="uV")
    ...        for label in ("EEG O1-M2", "EEG C3-M2", "EOG left")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf(eeg).write(f"{folder}/night.edf")
    ...     choose_channels(f"{folder}/night.edf")
    {'eeg': 1, 'eog': 2}
    """
    chosen: dict[str, ChannelItem] = dict(channels or {})
    wanted = [name for name in modalities if name not in chosen]
    available = describe_channels(path)
    found = {
        name: [min(group, key=_preference)]
        for name, group in recognised(available, wanted).items()
    }
    if not found and not chosen:
        raise ChannelError(nothing_known(available, wanted, str(path)))
    for message in remarks(found, available, wanted, str(path)):
        warnings.warn(message, SleepkitWarning, stacklevel=2)
    return chosen | {name: _key(item) for name, (item,) in found.items()}


def _key(item: Derivation) -> ChannelItem:
    """Position of a channel, or both of a difference."""
    plus = item.plus.position
    return plus if item.minus is None else (plus, item.minus.position)


def _preference(item: Derivation) -> tuple[int, ...]:
    """Sort key of the channels of a modality; that of the EEG is by electrode."""
    name = parse_label(item.plus.label)
    if item.plus.modality != "eeg":
        return name.rank
    central = [c for c in _CENTRAL if c in (name.electrode, name.reference)]
    kinds = (
        name.electrode in _CENTRAL and (name.is_bare or name.reference in _EARS),
        name.electrode in _CENTRAL,
        bool(central),
        not name.electrode,
        True,
    )
    place = _CENTRAL.index(central[0]) if central else 0
    return (kinds.index(True), place, *name.rank)
