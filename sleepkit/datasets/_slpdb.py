"""MIT-BIH Polysomnographic Database, as PhysioNet archives it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Final

from sleepkit._typing import Array, IntArray
from sleepkit.datasets._cohort import CohortNight, find_files, load_cohort
from sleepkit.datasets._cohort_channels import (
    ChannelTable,
    CohortChannels,
    CohortChoice,
)
from sleepkit.datasets._cohort_wfdb import import_wfdb, read_noted_night
from sleepkit.datasets._folder import FolderEntry
from sleepkit.recording import EpochArray

CHANNELS: Final[ChannelTable] = {
    "eeg": {name: (f"EEG ({name})",) for name in ("C4-A1", "C3-O1", "O2-A1")},
    "eog": {"EOG": ("EOG (right)", "EOG")},
    "emg": {"EMG": ("EMG",)},
    "ecg": {"ECG": ("ECG",)},
    "resp": {
        "chest": ("Resp (chest)",),
        "abdomen": ("Resp (abdomen)", "Resp (abdominal)"),
        "sum": ("Resp (sum)",),
    },
    "airflow": {"nasal": ("Resp (nasal)",)},
    "spo2": {"SO2": ("SO2",)},
}
_FILES: Final = re.compile(r"(slp\d{2})([a-z]?)\.(dat|st)")
_SCORE: Final = re.compile(r"(W|[1-4]|R|MT)(?:\s|$)")


def load_slpdb(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read the MIT-BIH Polysomnographic Database.

    Only headers and stages are read at once; signals are read when they are used. This
    needs wfdb: ``pip install 'sleepkit-learn[wfdb]'``.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, in the folder of the archive or others.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a recording has them: also ``"ecg"``, ``"resp"``,
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
        Scored epochs; recordings ``"slpdb:slp01a"``.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3 (stages 3 and 4), 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, ``"slpdb:slp01"``: slp01a and slp01b are parts of one night, and
        so are slp02a and slp02b.
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
    Found anywhere below `path`, by their names [1]_: ``slp01a.dat`` with its header
    ``slp01a.hea``, and ``slp01a.st``, in which each annotation scores the 30 s after
    it. It begins with the stage; what follows, of apnoea, leg movements and arousals,
    is not read. Movement time is unscored.

    ===========  ==================================================================
    Modality     Channels, the first is the default; all at 250 Hz
    ===========  ==================================================================
    ``eeg``      ``C4-A1``, ``C3-O1``, ``O2-A1``: one in each recording
    ``eog``      ``EOG``, right, in some
    ``emg``      ``EMG``, chin, in some
    ``ecg``      ``ECG``
    ``resp``     ``chest``, ``abdomen`` or ``sum``
    ``airflow``  ``nasal``
    ===========  ==================================================================

    Labels and annotations are those of the archive's description and of public
    readers. Not verified: the spelling of every label.

    References
    ----------
    .. [1] Ichimaru, Y. and Moody, G. B. (1999). Development of the polysomnographic
       database on CD-ROM. Psychiatry and Clinical Neurosciences, 53, 175-177.
       https://physionet.org/content/slpdb/1.0.0/.

    Examples
    --------
    >>> import tempfile, wfdb, numpy as np
    >>> from sleepkit.datasets import load_slpdb
    >>> noise = np.random.default_rng(0).normal(0, 0.02, (60 * 250, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     wfdb.wrsamp("slp01a", 250, ["mV"], ["EEG (C4-A1)"], noise, fmt=["212"],
    ...                 write_dir=folder)
    ...     wfdb.wrann("slp01a", "st", np.array([0, 7500]), ['"', '"'],
    ...                aux_note=["W", "4 LA"], write_dir=folder)
    ...     X, y, groups, report = load_slpdb(folder, modalities="eeg")
    >>> y, set(groups)
    (array([0, 3]), {np.str_('slpdb:slp01')})
    """
    owner = "load_slpdb"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_slpdb(Path(path), chosen)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_slpdb(root: Path, channels: CohortChannels) -> list[CohortNight]:
    """Find recordings and their stages by the names of files."""
    import_wfdb()
    recordings, labels = [], {}
    for file in find_files(root):
        match = _FILES.fullmatch(file.name)
        if match and match[3] == "dat":
            recordings.append((match[1], file))
        elif match:
            labels[file.stem] = file
    read = partial(
        read_noted_night,
        channels=channels,
        stage_of=_find_stage,
        kind="no annotation that begins with a stage",
        duration=30.0,
        scheme="rk",
    )
    return [
        CohortNight(
            f"slpdb:{file.stem}",
            f"slpdb:{subject}",
            file,
            (labels[file.stem],) if file.stem in labels else (),
            read,
            {},
            "" if file.stem in labels else f"there is no {file.stem}.st",
        )
        for subject, file in recordings
    ]


def _find_stage(text: str) -> str | None:
    """Stage that an annotation begins with."""
    score = _SCORE.match(text)
    return score and score[1]
