"""ISRUC-Sleep, subgroups I, II and III."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Final

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
from sleepkit.datasets._cohort_source import ChannelArray
from sleepkit.datasets._folder import FolderEntry
from sleepkit.datasets._isruc_files import Place, place_files, read_details
from sleepkit.datasets._isruc_mat import (
    EPOCH_SAMPLES,
    SFREQ,
    check_variables,
    read_mat_header,
    read_variables,
)
from sleepkit.datasets._night import Channel
from sleepkit.hypnogram import Hypnogram
from sleepkit.io._epoch_grid import align_stages
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.utils import check_count, check_option, file_state

_SUBGROUPS: Final = (None, "I", "II", "III")
_SCORERS: Final = (1, 2, "consensus")
_FORMATS: Final = ("rec", "mat")


def _forms(electrode: str, ear: str, *others: str) -> tuple[str | tuple[str, str], ...]:
    """Labels of an electrode against the left (1) or the right (2) ear."""
    names = (electrode, *others)
    pairs = [(name, f"A{ear}") for name in names]
    return (
        *(f"{name}-{side}{ear}" for name in names for side in "AM"),
        *pairs,
        f"{electrode}_A{ear}",
    )


CHANNELS: Final[ChannelTable] = {
    "eeg": {
        f"{electrode}-A{ear}": _forms(electrode, ear)
        for electrode, ear in zip(
            ("C4", "C3", "F4", "F3", "O2", "O1"), "121212", strict=True
        )
    },
    "eog": {"LOC-A2": _forms("LOC", "2", "E1"), "ROC-A1": _forms("ROC", "1", "E2")},
    "emg": {"X1": ("X1", "24")},
    "ecg": {"X2": ("X2", "25")},
}


def load_isruc(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    subgroup: str | None = None,
    format: str = "rec",  # noqa: A002 - as read_hypnogram calls it
    scorer: int | str = 1,
    drop_last_epochs: int = 0,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    r"""Read ISRUC-Sleep, any of its three subgroups.

    Only headers and stages are read at once; signals are read when they are used.

    Parameters
    ----------
    path : path-like
        A folder that holds the unpacked archives, of one subgroup or of all.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    subgroup : {"I", "II", "III"}, default=None
        The subgroup to read. None reads all, which the names of folders tell apart
        (``subgroupIII``).
    format : {"rec", "mat"}, default="rec"
        The recordings (``.rec``, or copies called ``.edf``), or the channels extracted
        to ``.mat``, which the authors have filtered.
    scorer : {1, 2, "consensus"}, default=1
        Whose stages to read; with ``"consensus"``, epochs on which the two differ are
        unscored.
    drop_last_epochs : int, default=0
        Number of epochs at the end of the stages to leave out. 30 is what published
        counts of subgroup III do: the ``.mat`` files are 30 epochs shorter than the
        stages, 8,589 of 8,889 in all.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"isruc:III-1"``, in subgroup II with the night, as
        ``"isruc:II-1-2"``. Their `info` has ``"age"`` in years and ``"sex"`` where the
        sheet of details is there, and openpyxl to read it.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, ``"isruc:III-1"``.
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
    The files [1]_ are found by their names: ``1/1.rec``, ``1/1_1.txt`` and
    ``1/1_2.txt``; in subgroup II ``SUBJECT/NIGHT/NIGHT.rec``; ``subject1.mat``, in
    subgroup II ``NIGHT/subject1.mat``; and ``Details_subgroup_III_Submission.xlsx``.

    ========  =======================================================================
    Modality  Channels, the first is the default
    ========  =======================================================================
    ``eeg``   ``C4-A1``, ``C3-A2``, ``F4-A1``, ``F3-A2``, ``O2-A1``, ``O1-A2``
    ``eog``   ``LOC-A2``, ``ROC-A1``
    ``emg``   ``X1``, chin
    ``ecg``   ``X2``
    ========  =======================================================================

    Labels of all four families are known: against A1 and A2; against M1 and M2; with
    24, 25 ... in place of X1, X2; and electrodes without a reference, from which the
    ear is subtracted.

    References
    ----------
    .. [1] Khalighi, S. et al. (2016). ISRUC-Sleep: A comprehensive public dataset for
       sleep researchers. Computer Methods and Programs in Biomedicine, 124, 180-192.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_isruc
    >>> noise = np.random.default_rng(0).normal(size=60 * 200)
    >>> eeg = edfio.EdfSignal(noise, 200, label="C4-A1", physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/1.rec")
    ...     _ = Path(folder, "1_1.txt").write_text("0\n5\n")
    ...     X, y, groups, report = load_isruc(folder, modalities="eeg", subgroup="III")
    >>> y, set(groups)
    (array([0, 4]), {np.str_('isruc:III-1')})
    """
    owner = "load_isruc"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_isruc(
        Path(path),
        chosen,
        subgroup=subgroup,
        format=format,
        scorer=scorer,
        drop_last_epochs=drop_last_epochs,
    )
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_isruc(
    root: Path,
    channels: CohortChannels,
    *,
    subgroup: str | None = None,
    format: str = "rec",  # noqa: A002
    scorer: int | str = 1,
    drop_last_epochs: int = 0,
) -> list[CohortNight]:
    """Find recordings and stages by the names of files and folders."""
    owner = "load_isruc"
    check_option("subgroup", subgroup, _SUBGROUPS, owner=owner)
    check_option("format", format, _FORMATS, owner=owner)
    check_option("scorer", scorer, _SCORERS, owner=owner)
    if drop_last_epochs:
        check_count("drop_last_epochs", drop_last_epochs, owner=owner)
    files = find_files(root)
    stages: dict[Place, dict[str, Path]] = defaultdict(dict)
    for file, place, number in place_files(files, root, "txt", subgroup):
        stages[place][number] = file
    details = read_details(files)
    read = _Reader(channels, drop_last_epochs)
    wanted = ("1", "2") if scorer == "consensus" else (str(scorer),)
    nights = []
    for file, place, _ in place_files(files, root, format, subgroup):
        labels = stages[place]
        subject = f"isruc:{place.subgroup}-{place.subject}"
        nights.append(
            CohortNight(
                f"{subject}-{place.night}" if place.night else subject,
                subject,
                file,
                tuple(labels[number] for number in wanted if number in labels),
                read,
                details.get((str(place.subgroup), str(place.subject)), {}),
                _find_problem(place, [n for n in wanted if n not in labels]),
            )
        )
    return nights


def _find_problem(place: Place, absent: Sequence[str]) -> str:
    """Say what the path of a recording does not tell, or which stages are missing."""
    if place.subgroup is None:
        return "no folder of its path names the subgroup: pass subgroup="
    if place.subject is None or place.night == "?":
        return "its path must be SUBJECT/NIGHT/NIGHT.rec or NIGHT/subjectSUBJECT.mat"
    missing = " and ".join(f"{place.night or place.subject}_{n}.txt" for n in absent)
    return f"there is no {missing} of the same night" if missing else ""


@dataclass(frozen=True)
class _Reader:
    """Reads nights of either format."""

    channels: CohortChannels
    drop_last_epochs: int

    def __call__(self, night: CohortNight) -> Recording:
        """Read the header and the stages of a night."""
        scored = [io.read_hypnogram(path, scheme="isruc") for path in night.labels]
        stages = _agreed(scored)
        if self.drop_last_epochs:
            stages[-self.drop_last_epochs :] = UNSCORED
        if night.signals.suffix.casefold() == ".mat":
            return _read_mat(night, self.channels, stages)
        return read_edf_night(night, self.channels, replace(scored[0], stages=stages))


def _agreed(scored: Sequence[Hypnogram]) -> IntArray:
    """Stages of one scorer, or those on which two agree, elsewhere unscored."""
    agreed = np.full(max(map(len, scored)), UNSCORED, np.int8)
    n_common = min(map(len, scored))
    first, *others = (hypnogram.stages[:n_common] for hypnogram in scored)
    same = np.all([first == other for other in others], axis=0)
    agreed[:n_common] = np.where(same, first, UNSCORED)
    return agreed


def _read_mat(
    night: CohortNight, channels: CohortChannels, stages: IntArray
) -> Recording:
    """Describe the signals of a MATLAB file, without reading them."""
    n_epochs = read_mat_header(night.signals)
    chosen = channels.choose(dict.fromkeys(n_epochs, SFREQ), str(night.signals))
    length = next(iter(n_epochs.values()))
    signals = {}
    for modality, items in chosen.items():
        rows = [_names(item) for item in items]
        check_variables(rows, night.signals, n_epochs)
        array = ChannelArray(
            str(night.signals.resolve()),
            file_state(night.signals),
            read_variables,
            tuple(tuple(zip(row, (1.0, -1.0), strict=False)) for row in rows),
            skip=0,
            n_times=length * EPOCH_SAMPLES,
            checked=(),
        )
        signals[modality] = Signal(array, SFREQ, ["-".join(row) for row in rows])
    return Recording(
        id=night.id,
        subject=night.subject,
        signals=signals,
        hypnogram=align_stages(Hypnogram(stages), 0, length, str(night.signals)),
        info=night.info,
    )


def _names(item: Channel) -> tuple[str, ...]:
    """Variables of a channel, or of a difference."""
    return tuple(map(str, item if isinstance(item, tuple) else (item,)))
