"""Sleep Heart Health Study, as the NSRR archives it."""

from __future__ import annotations

import csv
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np

from sleepkit import io
from sleepkit._stages import UNSCORED
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
from sleepkit.datasets._cohort_sheets import age_and_sex
from sleepkit.datasets._folder import FolderEntry
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_option

CHANNELS: Final[ChannelTable] = {
    "eeg": {
        "C4-A1": ("EEG", "EEG1", "EEG 1"),
        "C3-A2": ("EEG(sec)", "EEG sec", "EEG2", "EEG_SEC", "EEG_2"),
    },
    "eog": {
        "EOG": (("EOG(L)", "EOG(R)"), ("EOG/L", "EOG/R")),
        "EOG(L)": ("EOG(L)", "EOG/L"),
        "EOG(R)": ("EOG(R)", "EOG/R"),
    },
    "emg": {"EMG": ("EMG",)},
    "ecg": {"ECG": ("ECG",)},
    "resp": {"THOR RES": ("THOR RES",), "ABDO RES": ("ABDO RES",)},
    "airflow": {"AIRFLOW": ("NEW AIR", "NEW A/F", "AIRFLOW", "AUX")},
    "spo2": {"SaO2": ("SaO2",)},
}
_FILES: Final = re.compile(
    r"(shhs[12])-(\d{6})(?:\.edf|-(?:nsrr|profusion)\.xml)", re.IGNORECASE
)
_TABLES: Final = re.compile(r"shhs([12]|-harmonized)-dataset.*\.csv", re.IGNORECASE)
_SEXES: Final = {"1": "M", "2": "F", "male": "M", "female": "F"}
_VISITS: Final = ("both", 1, 2)
_CROSSED: Final = 8.0  # hertz of thorax and abdomen in montage v4 of SHHS-2

_Known = dict[tuple[int, str], dict[str, Any]]  # by visit and nsrrid


def load_shhs(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    visit: int | str = "both",
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read the Sleep Heart Health Study, as the NSRR archives it.

    Only headers and stages are read at once; signals are read when they are used.

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
    visit : {"both", 1, 2}, default="both"
        SHHS-1, SHHS-2, or both; the two nights of a subject share its group.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"shhs:200001-1"`` (the subject and the visit), whose
        `info` has ``"age"`` in years and ``"sex"`` where the tables have them.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3 (stages 3 and 4), 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, ``"shhs:200001"``.
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
    scan : Table of the nights of a cohort, with counts and problems.

    Notes
    -----
    Found anywhere below `path`, by their names [1]_: ``shhs1-200001.edf``,
    ``shhs1-200001-nsrr.xml``, ``shhs1-200001-profusion.xml``, and the tables
    ``shhs1-dataset-*.csv``, ``shhs2-dataset-*.csv`` and
    ``shhs-harmonized-dataset-*.csv``. If a night has stages in both formats they must
    agree, or it is set aside. Movement and unscored epochs stay in the recording and
    out of `X`; so does signal beyond the stages, and stages beyond it are dropped.

    ==========  =================================================================
    Modality    Channels, the first is the default; rates but for v4 of SHHS-2
    ==========  =================================================================
    ``eeg``     ``C4-A1`` (label EEG), ``C3-A2`` (EEG(sec)): bipolar, at 125 Hz
    ``eog``     ``EOG``, left minus right (50 Hz); ``EOG(L)``, ``EOG(R)``
    ``emg``     ``EMG``, chin (125 Hz)
    ``ecg``     ``ECG``, at 125 or 250 Hz
    ``resp``    ``THOR RES``, ``ABDO RES`` (10 Hz)
    ==========  =================================================================

    SHHS-2 has two montages. v3 has the rates of the table; v4 has 128 Hz for EEG and
    EMG, 64 Hz for EOG, 256 Hz for ECG and 8 Hz for effort, and its labels of thorax and
    abdomen are crossed: ``THOR RES`` is the abdomen. Channels are read by the labels of
    the file, and effort at 8 Hz has a remark.

    References
    ----------
    .. [1] National Sleep Research Resource, Sleep Heart Health Study,
       https://sleepdata.org/datasets/shhs.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_shhs
    >>> noise = np.random.default_rng(0).normal(size=60 * 125)
    >>> eeg = edfio.EdfSignal(noise, 125, label="EEG", physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/shhs1-200001.edf")
    ...     _ = Path(folder, "shhs1-200001-profusion.xml").write_text(
    ...         "<CMPStudyConfig><EpochLength>30</EpochLength><SleepStages><SleepStage>"
    ...         "0</SleepStage><SleepStage>5</SleepStage></SleepStages>"
    ...         "</CMPStudyConfig>")
    ...     X, y, groups, report = load_shhs(folder, modalities="eeg")
    >>> y, set(groups)
    (array([0, 4]), {np.str_('shhs:200001')})
    """
    owner = "load_shhs"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_shhs(Path(path), chosen, visit=visit)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_shhs(
    root: Path, channels: CohortChannels, *, visit: int | str = "both"
) -> list[CohortNight]:
    """Find recordings and both formats of their stages by the names of files."""
    check_option("visit", visit, _VISITS, owner="load_shhs")
    recordings, labels = [], defaultdict(list)
    files = find_files(root)
    for file in files:
        match = _FILES.fullmatch(file.name)
        if match and visit in ("both", int(match[1][-1])):
            key = int(match[1][-1]), match[2]
            if file.suffix.casefold() == ".edf":
                recordings.append((key, file))
            else:
                labels[key].append(file)
    known = _read_tables(files)
    read = partial(_read, channels=channels)
    return [
        CohortNight(
            f"shhs:{key[1]}-{key[0]}",
            f"shhs:{key[1]}",
            file,
            tuple(labels[key]),
            read,
            known.get(key, {}),
            "" if labels[key] else _explain_missing(file),
        )
        for key, file in recordings
    ]


def _explain_missing(file: Path) -> str:
    """Name the files of stages that a recording may have."""
    return f"there is neither {file.stem}-nsrr.xml nor {file.stem}-profusion.xml"


def _read(night: CohortNight, channels: CohortChannels) -> Recording:
    """Read a night, whose files of stages must agree."""
    first, *others = map(io.read_hypnogram, night.labels)
    for path, other in zip(night.labels[1:], others, strict=True):
        _require_equal(first, other, night.labels[0], path)
    recording = read_edf_night(night, channels, first)
    effort = recording.signals.get("resp")
    if effort is not None and effort.sfreq == _CROSSED:
        msg = "resp: the labels of thorax and abdomen are crossed at 8 Hz (montage v4)."
        warnings.warn(msg, SleepkitWarning, stacklevel=2)
    return recording


def _require_equal(
    first: Hypnogram, other: Hypnogram, path: Path, other_path: Path
) -> None:
    """Require two hypnograms that score the same epochs the same."""
    stages, other_stages = _on_one_grid(first, other)
    different = np.flatnonzero(stages != other_stages)
    if len(different):
        msg = (
            f"{path.name} and {other_path.name} differ in {len(different)} epochs, the "
            f"first is epoch {different[0]}."
        )
        raise HypnogramError(msg)


def _on_one_grid(*hypnograms: Hypnogram) -> list[IntArray]:
    """Stages from the start of the file on, unscored where one has none."""
    begins = [round(h.onset / h.epoch_duration) for h in hypnograms]
    earliest = min(0, *begins)  # stages may begin before the file
    begins = [begin - earliest for begin in begins]
    n_epochs = max(b + len(h) for b, h in zip(begins, hypnograms, strict=True))
    rows: list[IntArray] = []
    for begin, hypnogram in zip(begins, hypnograms, strict=True):
        row = np.full(n_epochs, UNSCORED, np.int8)
        row[begin : begin + len(hypnogram)] = hypnogram.stages
        rows.append(row)
    return rows


def _read_tables(files: Iterable[Path]) -> _Known:
    """Age and sex by visit and nsrrid, from the tables of the archive."""
    known: _Known = defaultdict(dict)
    for file in files:
        match = _TABLES.fullmatch(file.name)
        if match is None:
            continue
        with file.open(encoding="windows-1252", errors="replace", newline="") as text:
            for row in csv.DictReader(text):
                row = {str(name).casefold(): value for name, value in row.items()}
                visit = row.get("visitnumber") or match[1]
                if visit in ("1", "2"):
                    subject = (row.get("nsrrid") or "").strip()
                    known[int(visit), subject].update(_describe(row, visit))
    return known


def _describe(row: Mapping[str, str], visit: str) -> dict[str, Any]:
    """Age and sex in a row of a table, where it has them."""
    age = row.get(f"age_s{visit}") or row.get("nsrr_age") or ""
    sex = row.get("gender") or row.get("nsrr_sex") or ""
    return age_and_sex(age.strip(), _SEXES.get(sex.strip().casefold()))
