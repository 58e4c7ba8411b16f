"""Dreem Open Datasets, DOD-H and DOD-O: HDF5 files and the stages of five scorers."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np

from sleepkit import io
from sleepkit._typing import Array, IntArray
from sleepkit.datasets._cohort import CohortNight, find_files, load_cohort
from sleepkit.datasets._cohort_channels import (
    ChannelTable,
    CohortChannels,
    CohortChoice,
)
from sleepkit.datasets._cohort_hdf5 import n_values, open_hdf5, read_datasets
from sleepkit.datasets._cohort_source import ChannelSource, read_source_night
from sleepkit.datasets._folder import FolderEntry
from sleepkit.exceptions import HypnogramError, RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.metrics import consensus
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_option, optional_import

_EEG: Final = (
    *("C3-M2", "C4-M1", "F4-M1", "F3-M2", "O1-M2", "O2-M1", "O1-M1", "F3-F4"),
    *("F3-O1", "F4-O2", "FP1-M2", "FP2-M1", "FP1-F3", "FP2-F4", "FP1-O1", "FP2-O2"),
)
CHANNELS: Final[ChannelTable] = {
    "eeg": {name: (name.replace("-", "_"),) for name in _EEG},
    "eog": {"EOG1": ("EOG1",), "EOG2": ("EOG2",), "EOG1-EOG2": (("EOG1", "EOG2"),)},
    "emg": {"EMG": ("EMG",)},
    "ecg": {"ECG": ("ECG",)},
}
_FILES: Final = re.compile(r"([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\.(h5|json)")
_SCORER: Final = re.compile(r"scorer_([1-5])")
_SCORERS: Final = ("file", "consensus", 1, 2, 3, 4, 5)
_UNIT: Final = "uV"
# Of the stages in a file with the vote. On 25 nights of DOD-H it is 0.84 at the least
# where one of the five scorers has no part in the stages.
_MIN_AGREEMENT: Final = 0.8


def load_dod(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    scorer: int | str = "file",
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read the Dreem Open Datasets: DOD-H, DOD-O or both.

    Only headers and stages are read at once; signals are read when they are used. This
    needs h5py: ``pip install 'sleepkit-learn[hdf5]'``.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, and for a `scorer` those of the scorers.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    scorer : {"file", "consensus", 1, 2, 3, 4, 5}, default="file"
        Whose stages to read: ``"file"`` those in the recordings, which are a consensus
        of the five scorers; a number those of one scorer; ``"consensus"`` the vote of
        `sleepkit.metrics.consensus` on all five, from the files of the scorers.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"dod:"`` and the name of the file.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, named as the recordings: one night each.
    report : list of FolderEntry
        Every recording: its channels, whether it is used, why not, and remarks.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If a parameter is out of its range.
    RecordingError
        If no night can be used or, with `strict`, not every one.

    Warns
    -----
    SleepkitWarning
        Once, if nights are set aside or read with remarks.

    See Also
    --------
    sleepkit.metrics.consensus : The vote, with ties decided by soft agreement.
    scan : Table of the nights of a cohort, with counts and problems.

    Notes
    -----
    Found anywhere below `path`, by their names [1]_: ``UUID.h5``, and in folders
    ``scorer_1`` to ``scorer_5`` the stages ``UUID.json`` of the evaluation repository
    of the authors.

    ========  ========================================================================
    Modality  Channels, the first is the default; at 250 Hz, in microvolts
    ========  ========================================================================
    ``eeg``   ``C3-M2``; in DOD-H ``F4-M1``, ``F3-M2``, ``F3-F4``, ``F3-O1`` and others
              of FP1 and FP2; in DOD-O ``C4-M1``, ``F3-M2``, ``O1-M2``, ``O2-M1`` ...
    ``eog``   ``EOG1``, ``EOG2``, ``EOG1-EOG2``
    ``emg``   ``EMG``, chin
    ``ecg``   ``ECG``
    ========  ========================================================================

    The files of the scorers begin earlier and end later than most recordings, by 5 to
    200 epochs. They are placed where the vote on them agrees best with the stages in
    the recording, which must be in 80 % of the epochs and at one place only; otherwise
    the night is set aside.

    Layout, labels and codes are those that the code of the authors reads. Not verified:
    by which rule the stages in the recordings were made, and the unit of the samples,
    which is that of the authors' conversion to EDF.

    References
    ----------
    .. [1] Guillot, A., Sauvet, F., During, E. H. and Thorey, V. (2020). Dreem Open
       Datasets: multi-scored sleep datasets to compare human and automated sleep
       staging. IEEE Transactions on Neural Systems and Rehabilitation Engineering, 28.

    Examples
    --------
    >>> import json, tempfile, h5py, numpy as np
    >>> from sleepkit.datasets import load_dod
    >>> name = "095d6e40-5f19-55b6-a0ec-6e0ad3793da0"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with h5py.File(f"{folder}/{name}.h5", "w") as file:
    ...         file["hypnogram"] = [0, 2]
    ...         file["signals/eeg/C3_M2"] = np.zeros(60 * 250, np.float32)
    ...         file.attrs["description"] = json.dumps(
    ...             [{"path": "signals/eeg/C3_M2", "fs": 250}])
    ...     X, y, groups, report = load_dod(folder, modalities="eeg")
    >>> y, len(set(groups))
    (array([0, 2]), 1)
    """
    owner = "load_dod"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_dod(Path(path), chosen, scorer=scorer)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_dod(
    root: Path, channels: CohortChannels, *, scorer: int | str = "file"
) -> list[CohortNight]:
    """Find recordings, and the stages of scorers, by the names of files and folders."""
    check_option("scorer", scorer, _SCORERS, owner="load_dod")
    optional_import("h5py", extra="hdf5")
    recordings = []
    scored: dict[str, dict[int, Path]] = defaultdict(dict)
    for file in find_files(root):
        match = _FILES.fullmatch(file.name)
        folder = _SCORER.fullmatch(file.parent.name)
        if match and match[2] == "h5":
            recordings.append((match[1], file))
        elif match and folder:
            scored[match[1]][int(folder[1])] = file
    read = _Reader(channels, scorer)
    nights = []
    for name, file in recordings:
        labels = scored[name]
        wanted = range(1, 6) if scorer != "file" else ()
        missing = ", ".join(f"scorer_{n}" for n in wanted if n not in labels)
        nights.append(
            CohortNight(
                f"dod:{name}",
                f"dod:{name}",
                file,
                tuple(labels[n] for n in wanted if n in labels) if wanted else (file,),
                read,
                {},
                f"there is no {name}.json of {missing}" if missing else "",
            )
        )
    return nights


@dataclass(frozen=True)
class _Reader:
    """Reads nights with the stages of the file, of a scorer or of all."""

    channels: CohortChannels
    scorer: int | str

    def __call__(self, night: CohortNight) -> Recording:
        """Read the header and the stages of a night."""
        with open_hdf5(night.signals) as file:
            source = _describe(night.signals, file)
            if n_values(file, "hypnogram") is None:
                msg = f"{night.signals} has no dataset 'hypnogram'."
                raise HypnogramError(msg)
            stages = Hypnogram(file["hypnogram"][()]).stages
        if self.scorer != "file":
            stages = self._read_scorers(night, stages)
        return read_source_night(night, self.channels, source, Hypnogram(stages))

    def _read_scorers(self, night: CohortNight, stages: IntArray) -> IntArray:
        """Stages of a scorer or of the vote, of the epochs of the recording."""
        rows = [io.read_hypnogram(path, scheme="aasm").stages for path in night.labels]
        if len(set(map(len, rows))) > 1:
            msg = f"The scorers of {night.id} differ in their numbers of epochs."
            raise HypnogramError(msg)
        vote = consensus(rows)
        begin = _find_place(vote, stages, night.id)
        wanted = vote if self.scorer == "consensus" else rows[int(self.scorer) - 1]
        return wanted[begin : begin + len(stages)]


def _find_place(vote: IntArray, stages: IntArray, name: str) -> int:
    """Epoch of the vote at which the stages of the recording begin."""
    if len(vote) < len(stages):
        msg = f"The scorers of {name} have {len(vote)} epochs, fewer than its stages."
        raise HypnogramError(msg)
    windows = np.lib.stride_tricks.sliding_window_view(vote, len(stages))
    agreement = (windows == stages).mean(axis=1)
    best = int(agreement.argmax())
    if agreement[best] < _MIN_AGREEMENT or (agreement == agreement[best]).sum() > 1:
        msg = (
            f"The vote of the scorers of {name} agrees with the stages in the file in "
            f"{agreement[best]:.0%} of the epochs at best, or at several places: their "
            "place in the recording is not known."
        )
        raise HypnogramError(msg)
    return best


def _describe(path: Path, file: Any) -> ChannelSource:
    """Describe the channels of a file."""
    try:
        rates = {
            row["path"].strip("/"): float(row["fs"])
            for row in json.loads(file.attrs["description"])
        }
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{path} has no attribute 'description' of paths and rates: {error}"
        raise RecordingError(msg) from error
    header = {
        key: (key.rpartition("/")[2], sfreq, n_times, _UNIT)
        for key, sfreq in rates.items()
        if key.startswith("signals/") and (n_times := n_values(file, key))
    }
    return ChannelSource.from_header(path, header, read_datasets)
