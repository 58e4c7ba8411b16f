"""The ``modalities`` parameter: which channels of a plain array are which modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from sleepkit._typing import Array

_DEFAULT_MODALITY = "eeg"


def assign_channels(
    modalities: Mapping[str, Sequence[int]] | None, n_channels: int, *, owner: str
) -> dict[str, list[int]]:
    """Read the ``modalities`` parameter: the channels of each modality.

    Parameters
    ----------
    modalities : mapping of str to sequence of int or None
        Indices on the channel axis for each modality, such as ``{"eeg": [0, 1],
        "eog": [2]}``. A channel may be left out, but not used twice. None calls all
        channels ``"eeg"``.
    n_channels : int
        Length of the channel axis.
    owner : str
        The class or function that the parameter belongs to.

    Returns
    -------
    dict of str to list of int
        The channels of each modality, in the given order.

    Raises
    ------
    ValueError
        If `modalities` is no mapping of names, is empty, or an index is out of range,
        negative, no integer or used twice.

    See Also
    --------
    split_modalities : Split an array by the same rule.

    Examples
    --------
    >>> from sleepkit.recording import assign_channels
    >>> assign_channels({"eeg": [2, 0]}, 3, owner="Resampler")
    {'eeg': [2, 0]}
    >>> assign_channels(None, 3, owner="Resampler")
    {'eeg': [0, 1, 2]}
    """
    if modalities is None:
        return {_DEFAULT_MODALITY: list(range(n_channels))}
    if isinstance(modalities, Mapping) and modalities:
        channels = {
            name: _as_indices(where, n_channels) for name, where in modalities.items()
        }
        used = [index for where in channels.values() for index in where]
        named = all(isinstance(name, str) and name for name in channels)
        if named and all(channels.values()) and len(used) == len(set(used)):
            return channels
    msg = (
        f"The 'modalities' parameter of {owner} must map each name to a list of "
        f"indices from 0 to {n_channels - 1} on the second axis of X, and use none "
        f"twice. Got {modalities!r} instead."
    )
    raise ValueError(msg)


def split_modalities(
    X: Array, modalities: Mapping[str, Sequence[int]] | None, *, owner: str
) -> dict[str, Array]:
    """Split the channel axis of an array into modalities.

    Parameters
    ----------
    X : ndarray of shape (n_epochs, n_channels, ...)
        The array; features count as channels.
    modalities : mapping of str to sequence of int or None
        Indices on the second axis for each modality, such as ``{"eeg": [0, 1], "eog":
        [2]}``. A channel may be left out, but not used twice. None calls all channels
        ``"eeg"``.
    owner : str
        The class or function that the parameter belongs to.

    Returns
    -------
    dict of str to ndarray
        The channels of each modality, shape (n_epochs, n_channels_of_it, ...).

    Raises
    ------
    ValueError
        If `modalities` is no mapping of names, is empty, or an index is out of range,
        negative, no integer or used twice.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import split_modalities
    >>> parts = split_modalities(np.ones((9, 3)), {"eeg": [0, 1]}, owner="BandPower")
    >>> {name: values.shape for name, values in parts.items()}
    {'eeg': (9, 2)}
    """
    channels = assign_channels(modalities, X.shape[1], owner=owner)
    if modalities is None:
        return dict.fromkeys(channels, X)
    return {name: X[:, where] for name, where in channels.items()}


def _as_indices(where: Any, n_channels: int) -> list[int]:
    """Return valid indices; an empty list stands for an invalid one."""
    if isinstance(where, (str, bytes)) or not hasattr(where, "__iter__"):
        return []
    indices = list(where)
    if any(isinstance(i, bool) or not isinstance(i, Integral) for i in indices):
        return []
    return list(map(int, indices)) if set(indices) <= set(range(n_channels)) else []
