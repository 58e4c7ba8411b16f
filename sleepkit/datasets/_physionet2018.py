"""PhysioNet/Computing in Cardiology Challenge 2018, its training part."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

from sleepkit._typing import Array, IntArray
from sleepkit.datasets._cohort import CohortNight, find_files, load_cohort
from sleepkit.datasets._cohort_channels import (
    ChannelTable,
    CohortChannels,
    CohortChoice,
)
from sleepkit.datasets._cohort_sheets import age_and_sex
from sleepkit.datasets._cohort_wfdb import import_wfdb, read_noted_night
from sleepkit.datasets._folder import FolderEntry
from sleepkit.recording import EpochArray

CHANNELS: Final[ChannelTable] = {
    "eeg": {
        name: (name,) for name in ("C4-M1", "C3-M2", "F4-M1", "F3-M2", "O2-M1", "O1-M2")
    },
    "eog": {"E1-M2": ("E1-M2",)},
    "emg": {"Chin1-Chin2": ("Chin1-Chin2",)},
    "ecg": {"ECG": ("ECG",)},
    "resp": {"CHEST": ("CHEST",), "ABD": ("ABD",)},
    "airflow": {"AIRFLOW": ("AIRFLOW",)},
    "spo2": {"SaO2": ("SaO2",)},
}
_FILES: Final = re.compile(r"(tr\d{2}-\d{4})\.(mat|arousal)")
_SHEET: Final = "age-sex.csv"
_SEXES: Final = ("F", "M")
_STAGES: Final = ("W", "N1", "N2", "N3", "R")


def load_physionet2018(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read the training part of the PhysioNet Challenge 2018.

    Only headers and stages are read at once; signals are read when they are used. This
    needs wfdb: ``pip install 'sleepkit-learn[wfdb]'``.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, in the folders of the archive or others.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"``, ``"resp"``,
        ``"airflow"`` and ``"spo2"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"physionet2018:tr03-0005"``, whose `info` has
        ``"age"`` in years and ``"sex"`` where ``age-sex.csv`` is there.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, named as the recordings: one night each.
    report : list of FolderEntry
        Every recording: its channels, whether it is used, why not, and remarks.

    Raises
    ------
    ImportError
        If wfdb is not installed.
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
    scan : Table of the nights of a cohort, with counts and problems.

    Notes
    -----
    Found anywhere below `path`, by their names [1]_: ``tr03-0005.mat`` with its header
    ``tr03-0005.hea``, and ``tr03-0005.arousal``, in which the stages are among the
    arousals. Each stage lasts until the next one, the last for the shortest of these
    times. Recordings of the test part (``te``) have no stages and are left out.

    ===========  ==================================================================
    Modality     Channels, the first is the default; all at 200 Hz
    ===========  ==================================================================
    ``eeg``      ``C4-M1``, ``C3-M2``, ``F4-M1``, ``F3-M2``, ``O2-M1``, ``O1-M2``
    ``eog``      ``E1-M2``
    ``emg``      ``Chin1-Chin2``
    ``ecg``      ``ECG``
    ``resp``     ``CHEST``, ``ABD``
    ===========  ==================================================================

    Labels and the words of the annotations are those that public readers list. Not
    verified: whether epochs that the scorers left undefined are marked; they are
    scored as the stage before them unless most stages last one epoch.

    References
    ----------
    .. [1] Ghassemi, M. M. et al. (2018). You Snooze, You Win: the PhysioNet/Computing
       in Cardiology Challenge 2018. Computing in Cardiology, 45.
       https://physionet.org/content/challenge-2018/1.0.0/.

    Examples
    --------
    >>> import tempfile, wfdb, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_physionet2018
    >>> noise = np.random.default_rng(0).normal(size=(60 * 200, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     wfdb.wrsamp("tr03-0005", 200, ["uV"], ["C4-M1"], noise, fmt=["16"],
    ...                 write_dir=folder)
    ...     _ = Path(folder, "tr03-0005.dat").rename(f"{folder}/tr03-0005.mat")
    ...     header = Path(folder, "tr03-0005.hea")
    ...     _ = header.write_text(header.read_text().replace(".dat", ".mat"))
    ...     wfdb.wrann("tr03-0005", "arousal", np.array([0, 6000]), ['"', '"'],
    ...                aux_note=["W", "N1"], write_dir=folder)
    ...     X, y, groups, report = load_physionet2018(folder, modalities="eeg")
    >>> y, set(groups)
    (array([0, 1]), {np.str_('physionet2018:tr03-0005')})
    """
    owner = "load_physionet2018"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_physionet2018(Path(path), chosen)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_physionet2018(root: Path, channels: CohortChannels) -> list[CohortNight]:
    """Find recordings of the training part and their stages by the names of files."""
    import_wfdb()
    files = find_files(root)
    recordings, labels = [], {}
    for file in files:
        match = _FILES.fullmatch(file.name)
        if match and match[2] == "mat":
            recordings.append((match[1], file))
        elif match:
            labels[match[1]] = file
    known = _read_sheets(files)
    none = f"none of the stages {', '.join(_STAGES)}"
    read = partial(read_noted_night, channels=channels, stage_of=_find_stage, kind=none)
    return [
        CohortNight(
            f"physionet2018:{name}",
            f"physionet2018:{name}",
            file,
            (labels[name],) if name in labels else (),
            read,
            known.get(name, {}),
            "" if name in labels else f"there is no {name}.arousal",
        )
        for name, file in recordings
    ]


def _find_stage(text: str) -> str | None:
    """Stage that an annotation is."""
    return text if text in _STAGES else None


def _read_sheets(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Age and sex by the name of a recording."""
    known: dict[str, dict[str, Any]] = {}
    for file in files:
        if file.name != _SHEET:
            continue
        with file.open(encoding="utf-8", errors="replace", newline="") as text:
            for row in csv.DictReader(text):
                sex = row.get("Sex")
                known[row.get("Record") or ""] = age_and_sex(
                    row.get("Age") or "", sex if sex in _SEXES else None
                )
    return known
