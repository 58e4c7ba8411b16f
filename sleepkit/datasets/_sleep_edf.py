"""Sleep-EDF Expanded, as PhysioNet archives it: cassette and telemetry."""

from __future__ import annotations

import csv
import re
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from functools import partial
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Final

from sleepkit import io
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
from sleepkit.datasets._folder import FolderEntry
from sleepkit.exceptions import SleepkitWarning
from sleepkit.io._edf import EdfFile
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_option

CHANNELS: Final[ChannelTable] = {
    "eeg": {"Fpz-Cz": ("EEG Fpz-Cz",), "Pz-Oz": ("EEG Pz-Oz",)},
    "eog": {"horizontal": ("EOG horizontal",)},
    "emg": {"submental": ("EMG submental",)},
    "airflow": {"oro-nasal": ("Resp oro-nasal",)},
}
STUDIES: Final = {"cassette": "SC4", "telemetry": "ST7"}  # begins of names
# The eighth letter is that of the scorer, so that only six belong to both files.
_FILES: Final = re.compile(r"((SC4|ST7)\d\d\d)..-(PSG|Hypnogram)\.edf", re.IGNORECASE)
_TABLES: Final = ("age_records.csv", "temazepam_records.csv")  # that MNE comes with
_DAY, _HOUR = 86400.0, 3600.0  # seconds


def load_sleep_edf(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    study: str = "both",
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read Sleep-EDF Expanded, its cassette study and its telemetry study.

    Only headers and stages are read at once; signals are read when they are used.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, in the folders of the archive or others.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"airflow"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    study : {"both", "cassette", "telemetry"}, default="both"
        The cassette study (SC, 153 nights of 78 subjects), the telemetry study (ST, 44
        nights of 22, with temazepam or placebo), or both.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"sleep-edf:SC4001"`` (the subject and the night),
        with `lights_off`, and in `info` ``"age"`` in years, ``"sex"``, and in the
        telemetry study ``"drug"``, as far as MNE's copy of the tables has them.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3 (stages 3 and 4), 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, ``"sleep-edf:SC400"``, with all nights of a subject.
    report : list of FolderEntry
        Every recording: its channels, whether it is used, why not, and remarks.

    Raises
    ------
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
    fetch_sleep_edf : Download the nights of some subjects.
    scan : Table of the nights of a cohort, with counts and problems.
    sleepkit.preprocessing.trim_wake : Cut off the wake of the day.

    Notes
    -----
    The files [1]_ are found anywhere below `path`, and paired, in one folder or else in
    any, by the first six characters of their names: ``SC4001E0-PSG.edf``,
    ``SC4001EC-Hypnogram.edf``. If they start at different times, the stages are placed
    by the time of day, with a remark.
    Movement time and unscored epochs stay in the recording and out of `X`, and so does
    the unscored end of a hypnogram, which is longer than the signals.

    ===========  =====================================================================
    Modality     Channels, the first is the default
    ===========  =====================================================================
    ``eeg``      ``Fpz-Cz``, ``Pz-Oz``, at 100 Hz
    ``eog``      ``horizontal``, one bipolar channel at 100 Hz
    ``emg``      ``submental``: at 100 Hz in the telemetry study; in the cassette study
                 an envelope at 1 Hz, which is no EMG and left out with a remark
    ``airflow``  ``oro-nasal``, at 1 Hz, in the cassette study only
    ===========  =====================================================================

    Cassette recordings last a day, and most of it is wake. Published counts keep 30 min
    of wake on either side of sleep, which ``trim_wake(X, y, rule="margin")`` does with
    all nights, and ``EdgeTrimmer("margin")`` with the nights of training alone. Both
    leave out unscored epochs before they look for sleep.

    References
    ----------
    .. [1] Kemp, B. et al. (2000). Analysis of a sleep-dependent neuronal feedback loop:
       the slow-wave microcontinuity of the EEG. IEEE Transactions on Biomedical
       Engineering, 47, 1185-1194. https://physionet.org/content/sleep-edfx.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from sleepkit.datasets import load_sleep_edf
    >>> noise = np.random.default_rng(0).normal(size=60 * 100)
    >>> eeg = edfio.EdfSignal(noise, 100, label="EEG Fpz-Cz", physical_dimension="uV")
    >>> stages = [edfio.EdfAnnotation(0, 30, "Sleep stage W"),
    ...           edfio.EdfAnnotation(30, 30, "Sleep stage R")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/SC4001E0-PSG.edf")
    ...     edfio.Edf([], annotations=stages).write(f"{folder}/SC4001EC-Hypnogram.edf")
    ...     X, y, groups, report = load_sleep_edf(folder, modalities="eeg")
    >>> y, set(groups), X.recordings[0].info["age"]
    (array([0, 4]), {np.str_('sleep-edf:SC400')}, 33.0)
    """
    owner = "load_sleep_edf"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_sleep_edf(Path(path), chosen, study=study)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_sleep_edf(
    root: Path, channels: CohortChannels, *, study: str = "both"
) -> list[CohortNight]:
    """Find recordings and hypnograms by the first six characters of their names."""
    check_option("study", study, ("both", *STUDIES), owner="load_sleep_edf")
    wanted = STUDIES.values() if study == "both" else (STUDIES[study],)
    recordings, labels = [], defaultdict(list)
    for file in find_files(root):
        match = _FILES.fullmatch(file.name)
        if match and match[2].upper() in wanted:
            key = match[1].upper()
            if match[3].casefold() == "psg":
                recordings.append((key, file))
            else:
                labels[key].append(file)
    known = read_tables()
    nights = []
    for key, file in recordings:
        paths = tuple(p for p in labels[key] if p.parent == file.parent) or labels[key]
        info, clock = known.get(key, ({}, None))
        read = partial(_read, channels=channels, lights_off=clock)
        subject, problem = f"sleep-edf:{key[:5]}", _find_problem(key, paths)
        night = (f"sleep-edf:{key}", subject, file, tuple(paths), read, info, problem)
        nights.append(CohortNight(*night))
    return nights


def _find_problem(key: str, labels: Sequence[Path]) -> str:
    """Require one hypnogram."""
    if not labels:
        return f"there is no {key}..-Hypnogram.edf"
    names = ", ".join(map(str, labels))
    return "" if len(labels) == 1 else f"it has {len(labels)} hypnograms: {names}"


def _read(
    night: CohortNight, channels: CohortChannels, lights_off: time | None
) -> Recording:
    """Read a night, whose signals and hypnogram should start at once."""
    (path,) = night.labels
    hypnogram = io.read_hypnogram(path)
    recording = read_edf_night(night, channels, hypnogram)
    start = EdfFile(night.signals, on_gap="fill").start  # of the file, not of the grid
    if None not in (start, hypnogram.start) and start != hypnogram.start:
        msg = (
            f"{path.name} starts at {hypnogram.start}, its signals at {start}: the "
            "stages are placed by the time of day."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=2)
    if recording.start is None or lights_off is None:
        return recording
    return recording.replace(lights_off=_seconds_to(lights_off, recording.start))


def _seconds_to(clock: time, start: datetime) -> float:
    """Seconds from the start to a time of day, which may be shortly before it."""
    difference = datetime.combine(start.date(), clock) - start
    return (difference.total_seconds() + _HOUR) % _DAY - _HOUR


def read_tables() -> dict[str, tuple[dict[str, Any], time | None]]:
    """Age, sex and drug of each night, and its lights off, by six characters.

    From MNE's copies of the tables of the archive, empty where it has none.
    """
    known = {}
    for name in _TABLES:
        table = files("mne.datasets.sleep_physionet").joinpath(name)
        if table.is_file():
            with table.open(encoding="utf-8") as text:
                for row in csv.DictReader(text):
                    file = row.get("fname") or row.get("fname_PSG") or ""
                    known[file[:6]] = _describe(row)
    return known


def _describe(row: Mapping[str, str]) -> tuple[dict[str, Any], time | None]:
    """Age, sex and drug in a row of a table, and lights off."""
    info: dict[str, Any] = {"age": float(row["age"]), "sex": row["sex"][0].upper()}
    if row.get("drug"):
        info["drug"] = row["drug"]
    return info, time.fromisoformat(row["lights off"])
