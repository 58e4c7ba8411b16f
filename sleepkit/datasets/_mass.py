"""Montreal Archive of Sleep Studies (MASS), subsets SS1 to SS5."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np

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
    Form,
)
from sleepkit.datasets._folder import FolderEntry
from sleepkit.datasets._mass_epochs import MARGIN, SCORED, extend_epochs
from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import check_option

_ELECTRODES: Final = (
    *("C4", "C3", "F4", "F3", "O2", "O1", "Cz", "Fz", "Pz", "Oz", "P4", "P3"),
    *("Fp1", "Fp2", "F7", "F8", "T3", "T4", "T5", "T6"),
)
_REFERENCES: Final = ("CLE", "LER")  # linked ears, by computation or by resistors


def _against_a2(electrode: str) -> list[Form]:
    """Labels of an electrode and of A2, which have one reference in a file."""
    return [(f"EEG {electrode}-{ear}", f"EEG A2-{ear}") for ear in _REFERENCES]


CHANNELS: Final[ChannelTable] = {
    "eeg": {
        **{name: [f"EEG {name}-{ear}" for ear in _REFERENCES] for name in _ELECTRODES},
        **{f"{name}-A2": _against_a2(name) for name in _ELECTRODES},
    },
    "eog": {
        "EOG": (("EOG Left Horiz", "EOG Right Horiz"),),
        "Left": ("EOG Left Horiz",),
        "Right": ("EOG Right Horiz",),
    },
    "emg": {
        "Chin": (
            ("EMG Chin1", "EMG Chin2"),
            ("EMG Chin1", "EMG Chin3"),
            ("EMG Chin2", "EMG Chin3"),
            "EMG Chin",
        ),
    },
    "ecg": {"I": ("ECG ECGI", "ECG I")},
    "resp": {"Thor": ("Resp Belt Thor",), "Abdo": ("Resp Belt Abdo",)},
}
_FILES: Final = re.compile(r"(\d\d-0([1-5])-\d{4}) (.+)", re.IGNORECASE)
_SIGNALS: Final = "psg.edf"
_LABELS: Final = (  # in order of preference
    *("base.edf", "base.saf", "base_annotations.txt"),
    *("annotations.edf", "annotations.saf"),
)
_SUBSETS: Final = (None, 1, 2, 3, 4, 5)
_OF_20_S: Final = ("2", "4", "5")
_STEP: Final = 10.0  # seconds, by which epochs of 20 and of 30 s are divisible


def load_mass(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    subset: int | None = None,
    extend_to_30s: bool = False,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    """Read the Montreal Archive of Sleep Studies (MASS), subsets SS1 to SS5.

    Only headers and stages are read at once; signals are read when they are used.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, in the folders of the archive or others.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"`` and ``"resp"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    subset : {1, 2, 3, 4, 5}, default=None
        The subset to read; None reads all.
    extend_to_30s : bool, default=False
        Whether to read SS2, SS4 and SS5, which are scored in epochs of 20 s, as epochs
        of 30 s: 5 s of signal before and after are added. False sets them aside.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"mass:01-03-0001"``.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3 (stages 3 and 4), 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, one a recording.
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
    The files [1]_ are found anywhere below `path`, by their names:
    ``01-03-0001 PSG.edf`` and the first that exists of ``01-03-0001 Base.edf``,
    ``Base.saf``, ``Base_annotations.txt``, ``Annotations.edf`` and ``Annotations.saf``,
    of which the last two hold stages in the release of 2014 only. SS3 has 62
    recordings: there is no 0043 and no 0049.

    The epochs begin with the first stage, at a fraction of a second into the signals.
    Signals before the first and after the last stage stay in the recording, unscored.

    ========  =======================================================================
    Modality  Channels, the first is the default
    ========  =======================================================================
    ``eeg``   ``C4``, ``C3``, ``F4``, ``F3``, ``O2``, ``O1`` ... of the electrodes
              against linked ears, labelled CLE or LER, which differs between files;
              ``C4-A2``, ``C3-A2`` ... against A2, where the file has A2
    ``eog``   ``EOG``, left minus right; ``Left``, ``Right``
    ``emg``   ``Chin``, the first chin electrode minus the second; SS2 and SS4 have one
              channel
    ``ecg``   ``I``
    ``resp``  ``Thor``, ``Abdo``
    ========  =======================================================================

    With `extend_to_30s`, an epoch shares 10 s with the next, so that a night of SS2,
    SS4 or SS5 lasts half as long again and has no start time; what filters smear over
    the borders of epochs is signal of 10 s before or after. The first or the last epoch
    is left out where the signals have no 5 s beyond it.

    References
    ----------
    .. [1] O'Reilly, C. et al. (2014). Montreal Archive of Sleep Studies: an open-access
       resource for instrument benchmarking and exploratory research. Journal of Sleep
       Research, 23, 628-635.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from sleepkit.datasets import load_mass
    >>> noise = np.random.default_rng(0).normal(size=61 * 256)
    >>> eeg = edfio.EdfSignal(noise, 256, label="EEG C4-LER", physical_dimension="uV")
    >>> stages = [edfio.EdfAnnotation(0.5, 30, "Sleep stage W"),
    ...           edfio.EdfAnnotation(30.5, 30, "Sleep stage R")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/01-03-0001 PSG.edf")
    ...     edfio.Edf([], annotations=stages).write(f"{folder}/01-03-0001 Base.edf")
    ...     X, y, groups, report = load_mass(folder, modalities="eeg")
    >>> y, set(groups)
    (array([0, 4]), {np.str_('mass:01-03-0001')})
    """
    owner = "load_mass"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_mass(Path(path), chosen, subset=subset, extend_to_30s=extend_to_30s)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_mass(
    root: Path,
    channels: CohortChannels,
    *,
    subset: int | None = None,
    extend_to_30s: bool = False,
) -> list[CohortNight]:
    """Find recordings and stages by the names of files."""
    check_option("subset", subset, _SUBSETS, owner="load_mass")
    recordings = []
    labels: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for file in find_files(root):
        match = _FILES.fullmatch(file.name)
        if match and subset in (None, int(match[2])):
            kind = match[3].casefold()
            if kind == _SIGNALS:
                recordings.append((match[1], match[2], file))
            elif kind in _LABELS:
                labels[match[1]][kind].append(file)
    nights = []
    for key, number, file in recordings:
        first = next((labels[key][kind] for kind in _LABELS if labels[key][kind]), [])
        first = [path for path in first if path.parent == file.parent] or first
        is_short = number in _OF_20_S
        problem = _find_problem(key, first)
        if is_short and not extend_to_30s:
            problem = f"SS{number} has epochs of 20 s: pass extend_to_30s=True"
        read = _Reader(channels, is_short)
        night = f"mass:{key}"
        nights.append(CohortNight(night, night, file, tuple(first), read, {}, problem))
    return nights


def _find_problem(key: str, labels: Sequence[Path]) -> str:
    """Require one file of stages."""
    if not labels:
        return f"there is neither {key} Base.edf nor another file of its stages"
    names = ", ".join(map(str, labels))
    return "" if len(labels) == 1 else f"it has {len(labels)} files of stages: {names}"


@dataclass(frozen=True)
class _Reader:
    """Reads nights with epochs of 30 s, or of 20 s (short), which it extends."""

    channels: CohortChannels
    is_short: bool

    def __call__(self, night: CohortNight) -> Recording:
        """Read the header and the stages of a night."""
        (path,) = night.labels
        hypnogram = _read_stages(path, SCORED if self.is_short else 30.0)
        if not self.is_short:
            return read_edf_night(night, self.channels, hypnogram)
        # On a grid that is 5 s early, each epoch begins where its extension does.
        early = replace(hypnogram, onset=hypnogram.onset - MARGIN)
        return extend_epochs(read_edf_night(night, self.channels, early))


def _read_stages(path: Path, duration: float) -> Hypnogram:
    """Read stages of epochs that must have a length."""
    fine = io.read_hypnogram(path, epoch_duration=_STEP)
    n_parts = round(duration / _STEP)
    n_epochs = len(fine) // n_parts
    parts = np.reshape(fine.stages[: n_epochs * n_parts], (n_epochs, n_parts))
    mixed = (parts != parts[:, :1]).any(axis=1)
    if mixed.any() or not n_epochs:
        msg = (
            f"The stages of {path.name} must last {duration:g} s, as in its subset; "
            f"{mixed.sum()} of {n_epochs} epochs have several."
        )
        raise HypnogramError(msg)
    return replace(fine, stages=parts[:, 0], epoch_duration=duration)
