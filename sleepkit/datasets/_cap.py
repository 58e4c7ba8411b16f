"""CAP Sleep Database, as PhysioNet archives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from sleepkit.datasets._cohort_sheets import age_and_sex, read_sheet
from sleepkit.datasets._folder import FolderEntry
from sleepkit.recording import EpochArray, Recording

_RIGHT_EYE: Final = ("ROC", "ROC-A2", "ROC / A1", "EOG-R", "EOG dx")
_LEFT_EYE: Final = ("LOC", "LOC-A1", "LOC / A2", "EOG-L", "EOG sin")
_CHAINS: Final = (
    *("F4-C4", "C4-P4", "P4-O2", "Fp2-F4", "F8-T4", "T4-T6"),
    *("F3-C3", "C3-P3", "P3-O1", "Fp1-F3", "F7-T3", "T3-T5"),
)


def _forms(electrode: str, ear: str) -> tuple[str | tuple[str, str], ...]:
    """Labels of an electrode against an ear."""
    return f"{electrode}-{ear}", f"{electrode}{ear}", (electrode, ear)


CHANNELS: Final[ChannelTable] = {
    "eeg": {
        "C4-A1": _forms("C4", "A1"),
        "C3-A2": _forms("C3", "A2"),
        "F4-A1": _forms("F4", "A1"),
        "F3-A2": _forms("F3", "A2"),
        "O2-A1": _forms("O2", "A1"),
        "O1-A2": _forms("O1", "A2"),
        **{name: (name,) for name in _CHAINS},
    },
    "eog": {
        "ROC-LOC": ("ROC-LOC", *zip(_RIGHT_EYE, _LEFT_EYE, strict=True)),
        "LOC-ROC": ("LOC-ROC",),
        "ROC": _RIGHT_EYE,
        "LOC": _LEFT_EYE,
    },
    "emg": {
        "EMG1-EMG2": (
            *("EMG1-EMG2", "EMG-EMG"),
            *(("EMG1", "EMG2"), ("CHIN1", "CHIN2"), ("CHIN-0", "CHIN-1")),
        ),
        "EMG": ("EMG", "milo"),
    },
    "ecg": {"ECG1-ECG2": ("ECG1-ECG2", ("ECG1", "ECG2"), "ECG", "EKG")},
}
_FILES: Final = re.compile(
    r"((?:n|brux|ins|narco|nfle|plm|rbd|sdb)\d{1,2})\.(edf|txt)", re.IGNORECASE
)
_SHEET: Final = "gender-age.xlsx"
_SEXES: Final = ("F", "M")
_MISSPELT: Final = {"sbd": "sdb", "rdb": "rbd"}  # in the sheet


def load_cap(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    units: Mapping[str, str] | None = None,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    r"""Read the CAP Sleep Database: sleep of patients and of controls.

    Only headers and stages are read at once; signals are read when they are used.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, in the folder of the archive or others.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"``.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality other than the first of the Notes, by the names there,
        labels of the files or positions; a pair is the first minus the second.
    units : mapping of str to str, default=None
        Units of channels in place of those in the files, as ``{"C4-A1": "uV"}``: some
        headers have none.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs; recordings ``"cap:n1"``, whose `info` has ``"age"`` in years and
        ``"sex"`` where ``gender-age.xlsx`` is there, and openpyxl to read it.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3 (stages 3 and 4), 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, ``"cap:n1"``: one night each.
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
    Found anywhere below `path`, by their names [1]_: ``n1.edf`` and ``n1.txt``, of
    controls (n), bruxism (brux), insomnia (ins), narcolepsy (narco), nocturnal frontal
    lobe epilepsy (nfle), periodic leg movements (plm), REM behaviour disorder (rbd) and
    sleep-disordered breathing (sdb). The text files are exports of RemLogic, with or
    without a column of positions; their clock times place the stages in the recording.
    Movement time is unscored, and phases of the cyclic alternating pattern are skipped.

    ========  ======================================================================
    Modality  Channels, the first is the default; at 100 to 512 Hz
    ========  ======================================================================
    ``eeg``   ``C4-A1``, ``C3-A2``, ``F4-A1``, ``F3-A2``, ``O2-A1``, ``O1-A2``, then
              bipolar chains: ``F4-C4``, ``C4-P4``, ``P4-O2`` ...
    ``eog``   ``ROC-LOC``, right minus left; ``LOC-ROC``, ``ROC``, ``LOC``
    ``emg``   ``EMG1-EMG2``, chin; ``EMG``
    ``ecg``   ``ECG1-ECG2``
    ========  ======================================================================

    A night without the first has the next, with a remark, so that ``eeg`` may be a
    bipolar chain and ``eog`` of the other polarity. n16 has neither EOG nor EMG.

    Labels and layouts are those that public readers list; that none is missing, and
    that the clocks of all text files are those of the recordings, is not verified.

    References
    ----------
    .. [1] Terzano, M. G. et al. (2001). Atlas, rules, and recording techniques for the
       scoring of cyclic alternating pattern (CAP) in human sleep. Sleep Medicine, 2,
       537-553. CAP Sleep Database (version 1.0.0). PhysioNet.
       https://doi.org/10.13026/C2VC79.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from datetime import time
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_cap
    >>> noise = np.random.default_rng(0).normal(size=60 * 128)
    >>> eeg = edfio.EdfSignal(noise, 128, label="C4A1", physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg], starttime=time(22, 6)).write(f"{folder}/n1.edf")
    ...     _ = Path(folder, "n1.txt").write_text(
    ...         "Sleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"
    ...         "W\t22:06:00\tSLEEP-S0\t30\tC4A1\nS4\t22:06:30\tSLEEP-S4\t30\tC4A1\n")
    ...     X, y, groups, report = load_cap(folder, modalities="eeg")
    >>> y, set(groups)
    (array([0, 3]), {np.str_('cap:n1')})
    """
    owner = "load_cap"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_cap(Path(path), chosen, units=units)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_cap(
    root: Path, channels: CohortChannels, *, units: Mapping[str, str] | None = None
) -> list[CohortNight]:
    """Find recordings and their stages by the names of files."""
    recordings, labels = [], {}
    files = find_files(root)
    for file in files:
        match = _FILES.fullmatch(file.name)
        if match:
            name, kind = match[1].casefold(), match[2].casefold()
            if kind == "edf":
                recordings.append((name, file))
            else:
                labels[file.parent, name] = file
    known = _read_sheets(files)
    read = _Reader(channels, dict(units or {}))
    nights = []
    for name, file in recordings:
        scored = labels.get((file.parent, name))
        nights.append(
            CohortNight(
                f"cap:{name}",
                f"cap:{name}",
                file,
                (scored,) if scored else (),
                read,
                known.get(name, {}),
                "" if scored else f"there is no {file.stem}.txt beside it",
            )
        )
    return nights


@dataclass(frozen=True)
class _Reader:
    """Reads nights, with the units of the user for the channels that they have."""

    channels: CohortChannels
    units: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, night: CohortNight) -> Recording:
        """Read the header and the stages of a night."""
        hypnogram = io.read_hypnogram(night.labels[0])
        known = {channel.label for channel in io.describe_channels(night.signals)}
        units = {label: unit for label, unit in self.units.items() if label in known}
        return read_edf_night(night, self.channels, hypnogram, units=units)


def _read_sheets(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Age and sex by the name of a recording; the sheet has no titles."""
    known: dict[str, dict[str, Any]] = {}
    for file in files:
        if file.name.casefold() != _SHEET:
            continue
        for name, sex, age in (row[:3] for row in read_sheet(file) if len(row) >= 3):
            match = re.fullmatch(r"([a-z]+)(\d+)", name.casefold())
            if match is None:
                continue
            known_sex = sex.upper() if sex.upper() in _SEXES else None
            name = _MISSPELT.get(match[1], match[1]) + match[2]
            known[name] = age_and_sex(age, known_sex)
    return known
