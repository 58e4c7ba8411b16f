"""Sleep recordings of the Danish Center for Sleep Medicine (DCSM)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

from sleepkit._typing import Array, IntArray
from sleepkit.datasets._cohort import (
    CohortNight,
    find_files,
    load_cohort,
    read_edf_night,
)
from sleepkit.datasets._cohort_channels import (
    ChannelTable,
    CohortChannels,
    CohortChoice,
)
from sleepkit.datasets._cohort_hdf5 import open_hdf5, read_datasets
from sleepkit.datasets._cohort_source import ChannelSource, read_source_night
from sleepkit.datasets._folder import FolderEntry
from sleepkit.exceptions import HypnogramError, RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._epoch_grid import to_hypnogram
from sleepkit.io._scoring import Label, Scoring
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_option, optional_import

CHANNELS: Final[ChannelTable] = {
    "eeg": {
        name: (name,) for name in ("C4-M1", "C3-M2", "F4-M1", "F3-M2", "O2-M1", "O1-M2")
    },
    "eog": {
        "E1-M2": ("E1-M2",),
        "E2-M2": ("E2-M2",),
        "E1-E2": (("E1-M2", "E2-M2"),),
    },
    "emg": {"CHIN": ("CHIN",)},
    "ecg": {"ECG-II": ("ECG-II",)},
    "resp": {"THORAX": ("THORAX",), "ABDOMEN": ("ABDOMEN",)},
    "airflow": {"NASAL": ("NASAL",)},
    "spo2": {"SPO2": ("SPO2",)},
}
_SIGNALS: Final = ("psg.h5", "psg.edf")  # in order of preference
_STAGES: Final = "hypnogram.ids"
_UNITS: Final = ("V", "mV", "uV")
_GROUP: Final = "channels"


def load_dcsm(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    unit: str = "V",
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    r"""Read the recordings of the Danish Center for Sleep Medicine (DCSM).

    Only headers and stages are read at once; signals are read when they are used.
    Files ``psg.h5`` need h5py: ``pip install 'sleepkit-learn[hdf5]'``.

    Parameters
    ----------
    path : path-like
        A folder that holds the folders of the archive, one a recording.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"``, ``"resp"``,
        ``"airflow"`` and ``"spo2"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    unit : {"V", "mV", "uV"}, default="V"
        Unit of the electrodes in ``psg.h5``, which does not state it. The default is
        that of the authors' extraction from EDF.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"dcsm:"`` and the name of the folder.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, named as the recordings: the archive relates none to another.
    report : list of FolderEntry
        Every recording: its channels, whether it is used, why not, and remarks.

    Raises
    ------
    ImportError
        If there is a ``psg.h5``, and h5py is not installed.
    ValueError
        If a parameter is out of its range.
    RecordingError
        If no night can be used or, with `strict`, not every one.

    Warns
    -----
    SleepkitWarning
        Once, if nights are set aside or read with remarks; and, on first access to
        EEG, if it is too large or too small for `unit`.

    See Also
    --------
    scan : Table of the nights of a cohort, with counts and problems.

    Notes
    -----
    Found anywhere below `path`, by their names [1]_: ``FOLDER/psg.h5``, or ``psg.edf``
    in folders without it, and ``FOLDER/hypnogram.ids``: a line for each run of stages,
    with its start and its duration in seconds.

    ========  =====================================================================
    Modality  Channels, the first is the default; EEG and EOG at 256 Hz
    ========  =====================================================================
    ``eeg``   ``C4-M1``, ``C3-M2``, ``F4-M1``, ``F3-M2``, ``O2-M1``, ``O1-M2``
    ``eog``   ``E1-M2``, ``E2-M2``, ``E1-E2`` (the first minus the second)
    ``emg``   ``CHIN``
    ``ecg``   ``ECG-II``
    ========  =====================================================================

    Layout, labels and rates are those that the code of the authors and public readers
    use. Not verified: the unit of ``psg.h5``, and that no subject has two recordings.

    References
    ----------
    .. [1] Perslev, M. et al. (2021). U-Sleep: resilient high-frequency sleep staging.
       npj Digital Medicine, 4, 72.

    Examples
    --------
    >>> import tempfile, h5py, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_dcsm
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = Path(root, "tp005f7e68_a084_46bb_9f0a_b6a084155a1c")
    ...     folder.mkdir()
    ...     with h5py.File(folder / "psg.h5", "w") as file:
    ...         file["channels/C4-M1"] = np.zeros(60 * 256, np.float32)
    ...         file.attrs["sample_rate"] = 256
    ...     _ = Path(folder, "hypnogram.ids").write_text("0,30,W\n30,30,N1\n")
    ...     X, y, groups, report = load_dcsm(root, modalities="eeg")
    >>> y, len(set(groups))
    (array([0, 1]), 1)
    """
    owner = "load_dcsm"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_dcsm(Path(path), chosen, unit=unit)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_dcsm(
    root: Path, channels: CohortChannels, *, unit: str = "V"
) -> list[CohortNight]:
    """Find folders of a recording and its stages."""
    check_option("unit", unit, _UNITS, owner="load_dcsm")
    found: dict[Path, dict[str, Path]] = {}
    for file in find_files(root):
        if file.name in (*_SIGNALS, _STAGES):
            found.setdefault(file.parent, {})[file.name] = file
    read = _Reader(channels, unit)
    nights = []
    for folder, files in found.items():
        signals = next((files[name] for name in _SIGNALS if name in files), None)
        if signals is None:
            continue
        if signals.suffix == ".h5":
            optional_import("h5py", extra="hdf5")
        name = f"dcsm:{folder.resolve().name}"
        labels = (files[_STAGES],) if _STAGES in files else ()
        problem = "" if labels else f"there is no {_STAGES} beside it"
        nights.append(CohortNight(name, name, signals, labels, read, {}, problem))
    return nights


@dataclass(frozen=True)
class _Reader:
    """Reads nights of either format."""

    channels: CohortChannels
    unit: str

    def __call__(self, night: CohortNight) -> Recording:
        """Read the header and the stages of a night."""
        hypnogram = _read_stages(night.labels[0])
        if night.signals.suffix == ".edf":
            return read_edf_night(night, self.channels, hypnogram)
        with open_hdf5(night.signals) as file:
            header = {
                key: (key.rpartition("/")[2], sfreq, n_times, self.unit)
                for key, sfreq, n_times in _find_channels(file, night.signals)
            }
        source = ChannelSource.from_header(night.signals, header, read_datasets)
        return read_source_night(night, self.channels, source, hypnogram)


def _find_channels(file: Any, path: Path) -> Iterator[tuple[str, float, int]]:
    """Path, rate and length of each channel; a rate holds for all that is below it."""
    if _GROUP not in file:
        msg = f"{path} has no group {_GROUP!r}."
        raise RecordingError(msg)
    nodes = [(_GROUP, file[_GROUP], file.attrs.get("sample_rate"))]
    while nodes:
        key, node, sfreq = nodes.pop()
        sfreq = node.attrs.get("sample_rate", sfreq)
        if not hasattr(node, "shape"):
            nodes += [(f"{key}/{name}", node[name], sfreq) for name in reversed(node)]
        elif len(node.shape) != 1:
            continue
        elif sfreq is None:
            msg = f"{path} has no attribute 'sample_rate' for {key}."
            raise RecordingError(msg)
        else:
            yield key, float(sfreq), node.shape[0]


def _read_stages(path: Path) -> Hypnogram:
    """Read runs of stages: start, duration, stage."""
    labels = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            start, duration, stage = re.split(r"[,\s]+", line.strip())
            labels.append(Label(float(start), float(duration), stage, f"line {number}"))
        except ValueError as error:
            if line.strip():
                msg = f"{path} has no start, duration and stage in line {number}."
                raise HypnogramError(msg) from error
    if not labels:
        msg = f"{path} is empty."
        raise HypnogramError(msg)
    return to_hypnogram(Scoring(labels), None, 30.0, str(path))
