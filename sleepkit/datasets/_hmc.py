"""Haaglanden Medisch Centrum sleep staging database, as PhysioNet archives it."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Final

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
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.io._edf_annotations import read_annotations
from sleepkit.recording import EpochArray, Recording

CHANNELS: Final[ChannelTable] = {
    "eeg": {
        "C4-M1": ("EEG C4-M1",),
        "C3-M2": ("EEG C3-M2",),
        "F4-M1": ("EEG F4-M1",),
        "O2-M1": ("EEG O2-M1",),
    },
    "eog": {
        "E1-M2": ("EOG E1-M2",),
        "E2-M2": ("EOG E2-M2",),
        "E1-E2": (("EOG E1-M2", "EOG E2-M2"),),
    },
    "emg": {"chin": ("EMG chin",)},
    "ecg": {"ECG": ("ECG",)},
}
_FILES: Final = re.compile(
    r"SN(\d{3})(?:\.edf|[_.]sleepscoring\.(edf|txt))", re.IGNORECASE
)


def load_hmc(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    r"""Read the sleep staging database of Haaglanden Medisch Centrum.

    Only headers and stages are read at once; signals are read when they are used.

    Parameters
    ----------
    path : path-like
        A folder that holds the files, in the folders of the archive or others.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, as far as a night has them: also ``"ecg"``.
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
        Scored epochs; recordings ``"hmc:SN001"``, with `lights_off` and `lights_on`
        where they are annotated: of several, the first off and the last on.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects, ``"hmc:SN001"``: one night each.
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
    Found anywhere below `path`, by their names [1]_: ``SN001.edf`` and the stages
    ``SN001_sleepscoring.edf`` or, without this file, ``SN001_sleepscoring.txt``. Onsets
    in both count from the start of the recording.

    ========  =====================================================================
    Modality  Channels, the first is the default; all at 256 Hz
    ========  =====================================================================
    ``eeg``   ``C4-M1``, ``C3-M2``, ``F4-M1``, ``O2-M1``
    ``eog``   ``E1-M2``, ``E2-M2``, ``E1-E2`` (the first minus the second)
    ``emg``   ``chin``
    ``ecg``   ``ECG``
    ========  =====================================================================

    Version 1.1 has 151 recordings, versions before it had 154. Names, labels and
    annotations are those of the archive's page and of public readers; that the files
    of stages in the two formats agree, and that no subject has two recordings, is not
    verified.

    References
    ----------
    .. [1] Alvarez-Estevez, D. and Rijsman, R. (2022). Haaglanden Medisch Centrum sleep
       staging database (version 1.1). PhysioNet. https://doi.org/10.13026/t79q-fr32.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_hmc
    >>> noise = np.random.default_rng(0).normal(size=60 * 256)
    >>> eeg = edfio.EdfSignal(noise, 256, label="EEG C4-M1", physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/SN001.edf")
    ...     _ = Path(folder, "SN001_sleepscoring.txt").write_text(
    ...         "Recording onset, Duration, Annotation\n"
    ...         "0, 30, Sleep stage W\n30, 30, Sleep stage N1\n")
    ...     X, y, groups, report = load_hmc(folder, modalities="eeg")
    >>> y, set(groups)
    (array([0, 1]), {np.str_('hmc:SN001')})
    """
    owner = "load_hmc"
    chosen = CohortChannels.checked(CHANNELS, modalities, channels, owner=owner)
    nights = find_hmc(Path(path), chosen)
    return load_cohort(
        nights, Path(path), owner=owner, strict=strict, n_jobs=n_jobs, verbose=verbose
    )


def find_hmc(root: Path, channels: CohortChannels) -> list[CohortNight]:
    """Find recordings and their stages by the names of files."""
    recordings, labels = [], {}
    for file in find_files(root):
        match = _FILES.fullmatch(file.name)
        if match and match[2] is None:
            recordings.append((match[1], file))
        elif match:
            labels[match[1], match[2].casefold()] = file
    read = partial(_read, channels=channels)
    nights = []
    for number, file in recordings:
        scored = labels.get((number, "edf")) or labels.get((number, "txt"))
        missing = f"there is no {file.stem}_sleepscoring.edf and no .txt of that name"
        nights.append(
            CohortNight(
                f"hmc:SN{number}",
                f"hmc:SN{number}",
                file,
                (scored,) if scored else (),
                read,
                {},
                "" if scored else missing,
            )
        )
    return nights


def _read(night: CohortNight, channels: CohortChannels) -> Recording:
    """Read a night, and when the lights went off and on."""
    (path,) = night.labels
    # Without clock times the onsets are those from the start of the recording.
    hypnogram = replace(io.read_hypnogram(path), start=None)
    recording = read_edf_night(night, channels, hypnogram)
    skipped = hypnogram.onset % hypnogram.epoch_duration  # before the first epoch
    found: dict[str, list[float]] = {"lights off": [], "lights on": []}
    for onset, text in _read_events(path):
        event = text.partition("@@")[0].strip().casefold()  # @@ precedes a channel
        if event in found:
            found[event].append(onset - skipped)
    for event, onsets in found.items():
        if len(onsets) > 1:
            which = "first" if event == "lights off" else "last"
            msg = f"{path} has {event} {len(onsets)} times; the {which} counts."
            warnings.warn(msg, SleepkitWarning, stacklevel=2)
    return recording.replace(
        lights_off=min(found["lights off"], default=None),
        lights_on=max(found["lights on"], default=None),
    )


def _read_events(path: Path) -> Iterator[tuple[float, str]]:
    """Onset in seconds and text of each annotation."""
    if path.suffix.casefold() == ".edf":
        for onset, _, text in read_annotations(path)[1]:
            yield onset, text
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as table:
        for row in csv.DictReader(table, skipinitialspace=True):
            try:
                yield float(row["Recording onset"]), str(row["Annotation"])
            except (KeyError, TypeError, ValueError) as error:
                msg = f"{path} needs columns 'Recording onset' and 'Annotation': {row}"
                raise HypnogramError(msg) from error
