"""Conversion from and to `Raw` objects of MNE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import numpy as np

from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._assemble import assemble
from sleepkit.io._labels import Scheme
from sleepkit.io._mne_source import MNE_TYPES, MneSource
from sleepkit.io._select_channels import ChannelSpec
from sleepkit.recording import Recording, Signal

_MICROVOLT: Final = 1e-6


def from_mne(
    raw: Any,
    *,
    channels: ChannelSpec | None = None,
    hypnogram: Any = None,
    scheme: Scheme = None,
    subject: str | None = None,
    id: str | None = None,
) -> Recording:
    """Convert an MNE `Raw` object to a recording.

    The samples are copied, so later changes of `raw` do not affect the recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Signals at one sampling rate, in volts as always in MNE.
    channels : mapping or sequence of str, default=None
        Channels of each modality, as for `read_recording`. With None, or modalities
        alone, channels are recognised by their names, and those of unknown name by
        their MNE type, unless all channels have the type ``eeg`` and some names are of
        other modalities (as when MNE reads EDF). Channels marked as bad are left out.
    hypnogram : path-like, Hypnogram, array-like of int or "annotations", default=None
        Sleep stages, as for `read_recording`; ``"annotations"`` takes those of `raw`.
    scheme : str or mapping, default=None
        What integers in a hypnogram file mean, as for `read_hypnogram`.
    subject : str, default=None
        Identifier of the subject. None means the ``his_id`` of the subject info, or
        else `id`.
    id : str, default=None
        Identifier of the night. None means the name of the file without its suffix,
        or else ``"raw"``.

    Returns
    -------
    Recording
        The signals in microvolts, with the hypnogram aligned.

    Raises
    ------
    ChannelError
        If a channel is missing, or no channel is recognised.
    HypnogramError
        If the hypnogram cannot be read or lies outside the signals.

    See Also
    --------
    to_mne : The inverse conversion.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sleepkit.io import from_mne
    >>> info = mne.create_info(["C3-M2", "Chin"], 100, ["eeg", "emg"])
    >>> raw = mne.io.RawArray(np.zeros((2, 6000)), info, verbose=False)
    >>> from_mne(raw, id="night", hypnogram=[0, 1])
    Recording('night' of 'night': 2 epochs of 30 s, eeg, emg)
    """
    file = next(iter(raw.filenames), None)
    his_id = (raw.info["subject_info"] or {}).get("his_id")
    return assemble(
        MneSource(raw),
        id=id or (Path(file).stem if file else "raw"),
        subject=subject or his_id,
        hypnogram=hypnogram,
        scheme=scheme,
        channels=channels,
        units=None,
    )


def to_mne(recording: Recording, modalities: Sequence[str] | None = None) -> Any:
    """Convert a recording to an MNE `Raw` object.

    Parameters
    ----------
    recording : Recording
        Continuous signals at one sampling rate.
    modalities : sequence of str, default=None
        Modalities to convert; None means all.

    Returns
    -------
    mne.io.RawArray
        The signals in volts with their channel types (``misc``, unscaled, for
        modalities without an MNE type), and the hypnogram as one annotation per epoch.

    Raises
    ------
    RecordingError
        If the sampling rates differ, or a modality is missing or not continuous.

    See Also
    --------
    from_mne : The inverse; ``hypnogram="annotations"`` keeps the stages.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.io import to_mne
    >>> from sleepkit.recording import Recording, Signal
    >>> eeg = Signal(np.zeros((1, 6000)), 100, ["C4-M1"])
    >>> night = Recording(id="n1", subject="s1", signals={"eeg": eeg}, hypnogram=[0, 2])
    >>> to_mne(night).annotations.description.tolist()
    ['Sleep stage W', 'Sleep stage N2']
    """
    import mne

    signals = _select(recording, modalities)
    sfreq = _common_rate(signals)
    n_times = min(signal.shape[1] for signal in signals.values())
    types, blocks = [], []
    for modality, signal in signals.items():
        is_voltage = modality in MNE_TYPES
        types += [modality if is_voltage else "misc"] * signal.n_channels
        scale = _MICROVOLT if is_voltage else 1.0
        blocks.append(signal.data[:, :n_times].astype(np.float64) * scale)
    info = mne.create_info(_unique_names(signals), sfreq, types, verbose="error")
    info["subject_info"] = {"his_id": recording.subject}
    raw = mne.io.RawArray(np.concatenate(blocks), info, verbose="error")
    if recording.start is not None:
        start = recording.start
        raw.set_meas_date(start if start.tzinfo else start.replace(tzinfo=UTC))
    if recording.hypnogram is not None:
        hypnogram = Hypnogram(
            recording.hypnogram, recording.epoch_duration, start=recording.start
        )
        raw.set_annotations(hypnogram.to_mne())
    return raw


def _select(
    recording: Recording, modalities: Sequence[str] | None
) -> Mapping[str, Signal]:
    """Signals of the given modalities, which must be continuous."""
    signals = recording.signals
    names = tuple(signals) if modalities is None else tuple(modalities)
    absent = [name for name in names if name not in signals]
    if absent or not names:
        msg = (
            f"to_mne needs modalities of recording {recording.id!r}, which has "
            f"{list(signals)}; got {list(names)}."
        )
        raise RecordingError(msg)
    epoched = [name for name in names if not signals[name].is_continuous]
    if epoched:
        msg = f"to_mne needs continuous signals; {', '.join(epoched)} is epoched."
        raise RecordingError(msg)
    return {name: signals[name] for name in names}


def _common_rate(signals: Mapping[str, Signal]) -> float:
    """Return the sampling rate of all signals, of which MNE allows one."""
    rates = {name: signal.sfreq for name, signal in signals.items()}
    if len(set(rates.values())) > 1:
        listed = ", ".join(f"{name} {sfreq:g} Hz" for name, sfreq in rates.items())
        msg = (
            f"MNE needs one rate for all channels; got {listed}. Select "
            "modalities=, or apply sleepkit.preprocessing.Resampler first."
        )
        raise RecordingError(msg)
    return float(next(iter(rates.values())) or 0)


def _unique_names(signals: Mapping[str, Signal]) -> list[str]:
    """Channel names, prefixed by the modality where they occur twice."""
    counts = Counter(name for signal in signals.values() for name in signal.ch_names)
    return [
        name if counts[name] == 1 else f"{modality} {name}"
        for modality, signal in signals.items()
        for name in signal.ch_names
    ]
