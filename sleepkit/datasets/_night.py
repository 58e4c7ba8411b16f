"""One night from a file, with one channel for each modality."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sleepkit import io
from sleepkit.exceptions import SleepkitWarning

if TYPE_CHECKING:
    from sleepkit.recording import Recording

Channel: TypeAlias = str | int | tuple[str, str]
ChannelChoice: TypeAlias = Mapping[str, Channel]
_Named = TypeVar("_Named")


def load_night(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: ChannelChoice | None = None,
    hypnogram: Any = None,
    scheme: str | None = None,
    units: Mapping[str, str] | None = None,
    id: str | None = None,
    subject: str | None = None,
) -> Recording:
    """Read one channel for each modality of a night, as `load_folder` does.

    Nights that are compared rarely have the same number of channels, so the derivation
    that most files have is taken, see `sleepkit.io.choose_channels`. Gaps in the
    recording are missing signal.

    Parameters
    ----------
    path : path-like
        A file as for `sleepkit.io.read_recording`.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as the file has them.
    channels : mapping of str to str, int or pair of str, default=None
        Channel of a modality, where it is not to be found by its label: a label or
        position, or two labels for the first minus the second.
    hypnogram : path-like, Hypnogram, array-like of int or "annotations", default=None
        Stages of the night, as for `sleepkit.io.read_recording`.
    scheme : str or mapping, default=None
        What integers in a hypnogram file mean, as for `sleepkit.io.read_hypnogram`.
    units : mapping of str to str, default=None
        Units of channels in place of those in the file, as ``{"E1-M2": "uV"}``.
    id : str, default=None
        Id of the night. None takes the name of the file without the suffix.
    subject : str, default=None
        Subject of the night. None takes the name of the file.

    Returns
    -------
    Recording
        The night, with at most one channel in each modality.

    Raises
    ------
    ValueError
        If `modalities` is empty, or `channels` holds a modality that it does not.
    ChannelError
        If the file has none of the modalities.
    RecordingError
        If the file is missing, damaged or holds no signals.
    HypnogramError
        If the hypnogram cannot be understood or lies outside the signals.

    Warns
    -----
    SleepkitWarning
        If the file lacks a channel of `units`, and as `sleepkit.io.read_recording`.

    See Also
    --------
    load_folder : Read a folder of scored nights.
    sleepkit.io.read_recording : Read any channels of a night.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from sleepkit.datasets import load_night
    >>> noise = np.random.default_rng(0).normal(size=6000)
    >>> eeg = [edfio.EdfSignal(noise, 100, label=label, physical_dimension="uV")
    ...        for label in ("O1-M2", "C3-M2")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf(eeg).write(f"{folder}/night.edf")
    ...     load_night(f"{folder}/night.edf").signals["eeg"].ch_names
    ('C3-M2',)
    """
    names, named = check_choice(modalities, channels, owner="load_night")
    chosen = io.choose_channels(path, names, named)
    return io.read_recording(
        path,
        channels=chosen,
        hypnogram=hypnogram,
        scheme=scheme,
        units=_units_of(path, units or {}),
        id=id,
        subject=subject,
        on_gap="fill",
    )


def _units_of(path: str | PathLike[str], units: Mapping[str, str]) -> Mapping[str, str]:
    """Units of the channels of a file, of those that nights of one folder have."""
    if not units:
        return {}
    labels = {channel.label for channel in io.describe_channels(path)}
    absent = [label for label in units if label not in labels]
    if absent:
        msg = f"units names {', '.join(absent)}, which {path} does not have."
        warnings.warn(msg, SleepkitWarning, stacklevel=3)
    return {label: unit for label, unit in units.items() if label in labels}


def check_choice(
    modalities: str | Sequence[str],
    channels: Mapping[str, _Named] | None,
    *,
    owner: str,
) -> tuple[list[str], dict[str, _Named]]:
    """Require modalities, and channels of these only."""
    names = [modalities] if isinstance(modalities, str) else list(modalities)
    if not names:
        msg = f"The 'modalities' parameter of {owner} must name one or more. Got none."
        raise ValueError(msg)
    named = dict(channels or {})
    others = [name for name in named if name not in names]
    if others:
        msg = (
            f"The 'channels' parameter of {owner} must name channels of "
            f"{', '.join(names)}. Got a channel of {', '.join(others)} instead."
        )
        raise ValueError(msg)
    return names, named


def name_channel(night: Recording, modality: str) -> str:
    """Label and rate of the channel of a modality, or labels of several."""
    signal = night.signals[modality]
    return f"{' + '.join(signal.ch_names)} ({signal.sfreq:g} Hz)"


def name_channels(night: Recording) -> str:
    """Modalities of a night with their channels."""
    return ", ".join(f"{name} {name_channel(night, name)}" for name in night.modalities)
