"""Reading recordings of any supported format."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from sleepkit.exceptions import RecordingError
from sleepkit.io._assemble import Source, assemble
from sleepkit.io._channels import ChannelInfo
from sleepkit.io._edf import EdfFile
from sleepkit.io._edf_header import is_edf
from sleepkit.io._labels import Scheme
from sleepkit.io._mne_source import MneSource, open_raw
from sleepkit.io._select_channels import ChannelSpec
from sleepkit.recording import Recording
from sleepkit.utils import check_option, open_regular

_EDF_SUFFIXES: Final = (".bdf", ".edf", ".rec")
_ON_GAP: Final = ("error", "fill")


def read_recording(
    path: str | PathLike[str],
    *,
    channels: ChannelSpec | None = None,
    hypnogram: Any = None,
    scheme: Scheme = None,
    subject: str | None = None,
    units: Mapping[str, str] | None = None,
    on_gap: str = "error",
    id: str | None = None,
) -> Recording:
    """Read one night from a file.

    Only the header is read at once. Samples are read on first access, in microvolts and
    at the sampling rate of each modality.

    Parameters
    ----------
    path : path-like
        An EDF, EDF+, BDF or BDF+ file of any suffix (``.rec`` of ISRUC too), or a file
        of any other format that MNE reads.
    channels : mapping of str to list, or sequence of str, default=None
        Channels of each modality, as ``{"eeg": ["C4-A1"], "eog": [("EOG(L)",
        "EOG(R)")]}``. A string is a label of the file (case and spaces do not matter
        where it is unambiguous), an int the position of a channel (see
        `describe_channels`), and **a tuple is the first minus the second**. Modalities
        alone, as ``["eeg", "resp"]``, take all channels that are recognised by their
        labels, in an order that does not depend on the file, left before right;
        electrodes without a reference only where no channel has one, minus the opposite
        ear or mastoid where the file has it, one on the chin minus another. If the
        channels of one modality differ in sampling rate, those at the most frequent
        rate are read (in a tie, the higher rate). None does so for ``"eeg"``,
        ``"eog"``, ``"emg"`` and ``"ecg"``, where present; ``"resp"`` (effort),
        ``"airflow"`` and ``"spo2"`` have to be named.
    hypnogram : path-like, Hypnogram, array-like of int or "annotations", default=None
        Sleep stages of the night: a file for `read_hypnogram`, the `Hypnogram` that it
        returns, stage codes from the first sample on, or ``"annotations"`` for the
        annotations of the file itself.
    scheme : str or mapping, default=None
        What integers in a hypnogram file mean, as for `read_hypnogram`.
    subject : str, default=None
        Identifier of the subject, shared by all nights of one subject. None means `id`.
    units : mapping of str to str, default=None
        Units of channels (``nV``, ``uV``, ``mV`` or ``V``) in place of those in the
        file, as ``{"C3-A2": "uV"}``.
    on_gap : {"error", "fill"}, default="error"
        How to treat an interrupted recording (EDF+D): raise an error, or keep the true
        time, with NaN in the gap and its epochs marked as not valid.
    id : str, default=None
        Identifier of the night. None means the name of the file without its suffix.

    Returns
    -------
    Recording
        The signals in microvolts, with the hypnogram aligned.

    Raises
    ------
    RecordingError
        If the file is missing, damaged or holds no signals.
    DiscontinuousRecordingError
        If there is a gap and `on_gap` is ``"error"``.
    ChannelError
        If a channel is missing, ambiguous, without a scale or of unknown unit, or if no
        channel is recognised.
    HypnogramError
        If the hypnogram cannot be read or lies outside the signals.

    Warns
    -----
    SleepkitWarning
        If the header gives a wrong number of data records, if channels are left out
        because of their sampling rate or a damaged header, if a modality is not read
        although a label may mean it, if electrodes have no reference, if hypnogram and
        signals differ by more than one epoch, and, on first access to the samples, if
        EEG is too large or too small to be in microvolts.

    See Also
    --------
    describe_channels : List the channels of a file.
    from_mne : Convert an MNE `Raw` object.

    Notes
    -----
    The epoch grid is that of the hypnogram. If the hypnogram starts at another clock
    time than the signals, or at an onset > 0, its labels are shifted accordingly. If
    its grid begins within an epoch, less than an epoch of signal is left out at the
    start. Labels outside the signals are dropped; signal outside the labels is
    unscored.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from sleepkit.io import read_recording
    >>> eeg = edfio.EdfSignal(np.sin(np.arange(6000)), 100, label="C3-M2",
    ...                       physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/night.edf")
    ...     read_recording(f"{folder}/night.edf", hypnogram=[0, 1])
    Recording('night' of 'night': 2 epochs of 30 s, eeg)
    """
    path = Path(path)
    return assemble(
        _open(path, on_gap),
        id=path.stem if id is None else id,
        subject=subject,
        hypnogram=hypnogram,
        scheme=scheme,
        channels=channels,
        units=units,
    )


def describe_channels(path: str | PathLike[str]) -> list[ChannelInfo]:
    """List the channels of a file, with the modality recognised for each.

    Parameters
    ----------
    path : path-like
        A file as for `read_recording`. Its samples are not read.

    Returns
    -------
    list of ChannelInfo
        Position, label, modality, sampling rate, length, unit and range of each
        channel, and a note that says why it is not read, or how.

    Raises
    ------
    RecordingError
        If the file is missing, damaged or holds no signals.

    See Also
    --------
    choose_channels : Choose one channel of each modality.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from sleepkit.io import describe_channels
    >>> chin = edfio.EdfSignal(np.sin(np.arange(6000)), 200, label="Chin EMG",
    ...                        physical_dimension="mV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([chin]).write(f"{folder}/night.edf")
    ...     [(row.label, row.modality, row.sfreq, row.unit)
    ...      for row in describe_channels(f"{folder}/night.edf")]
    [('Chin EMG', 'emg', 200.0, 'mV')]
    """
    return list(_open(Path(path), "fill").channels)


def _open(path: Path, on_gap: str) -> Source:
    """Read the header of a file of any format."""
    check_option("on_gap", on_gap, _ON_GAP, owner="read_recording")
    if not path.exists():
        msg = f"There is no file {path}."
        raise RecordingError(msg)
    if not path.is_dir():  # some formats of MNE are folders
        with open_regular(path) as file:
            if not file.read(1):
                msg = f"{path} is empty."
                raise RecordingError(msg)
        if is_edf(path):
            return EdfFile(path, on_gap=on_gap)
        if path.suffix.casefold() in _EDF_SUFFIXES:
            msg = f"{path} does not begin like an EDF or BDF file."
            raise RecordingError(msg)
    return MneSource(open_raw(path), path)
