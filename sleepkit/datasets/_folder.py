"""Scored nights of a folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._messages import first_reasons, one_line
from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, IntArray
from sleepkit.datasets._night import (
    ChannelChoice,
    check_choice,
    load_night,
    name_channels,
)
from sleepkit.datasets._pairs import Pair, find_pairs
from sleepkit.exceptions import HypnogramError, RecordingError, SleepkitError
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import open_regular, progress_bar

_OWNER: Final = "load_folder"

Exclude = Callable[[str, str], str | None]


class FolderEntry(NamedTuple):
    """One recording file of a folder: whether it is used, and why not.

    Its text is a line to print; ``pandas.DataFrame(report)`` is a table of all.

    Parameters
    ----------
    file : str
        Path within the folder.
    used : bool
        Whether the night is among the nights that were read.
    subject : str
        Subject of the night.
    hypnogram : str
        Path of the hypnogram within the folder; empty where there is none.
    channels : str
        Label and rate of the channel of each modality; empty if it is not used.
    reason : str
        Why it is not used; empty if it is.
    sha256 : str
        Hash of the content of the file; empty where it was not read.
    remarks : str
        Warnings of reading a published cohort; `load_folder` issues them instead.

    See Also
    --------
    load_folder : Returns one for each recording file.
    load_shhs : Returns one for each recording of a published cohort.

    Examples
    --------
    >>> from sleepkit.datasets import FolderEntry
    >>> print(FolderEntry("a.edf", False, "a", "", "", "no hypnogram found"))
    skipped  a.edf: no hypnogram found
    """

    file: str
    used: bool
    subject: str
    hypnogram: str
    channels: str
    reason: str
    sha256: str = ""
    remarks: str = ""

    def __str__(self) -> str:
        if not self.used:
            return f"skipped  {self.file}: {self.reason}"
        path = PurePath(self.hypnogram)
        beside = path.parent == PurePath(self.file).parent
        hypnogram = path.name if beside else path.as_posix()
        return f"used     {self.file} + {hypnogram}: {self.subject}, {self.channels}"


def load_folder(
    path: str | PathLike[str],
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: ChannelChoice | None = None,
    subject_pattern: str | None = None,
    scheme: str | None = None,
    units: Mapping[str, str] | None = None,
    exclude: Exclude | None = None,
    verbose: bool = False,
) -> tuple[EpochArray, IntArray, Array, list[FolderEntry]]:
    r"""Read the scored nights of a folder and of the folders below it.

    Only headers and hypnograms are kept in memory; signals are read when they are used.

    Parameters
    ----------
    path : path-like
        The folder.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to read, one channel each, as far as a night has them.
    channels : mapping of str to str, int or pair of str, default=None
        Channel of a modality in every file, where it is not to be found by its label;
        see `load_night`.
    subject_pattern : str, default=None
        Regular expression searched in the path of a file within the folder, whatever
        the case; its first group, or else the whole match, is the subject. None knows
        the names of BIDS (``sub-01``), Sleep-EDF and SHHS. A file that does not match
        is a subject of its own.
    scheme : str or mapping, default=None
        What integers in the hypnograms mean, as for `sleepkit.io.read_hypnogram`.
    units : mapping of str to str, default=None
        Units of channels in place of those in the files, as ``{"E1-M2": "uV"}``.
    exclude : callable, default=None
        ``exclude(subject, sha256)`` returns the reason to skip a night, None to use it:
        for nights that a model was trained on.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        Scored epochs of all nights; the id of a night is its path within the folder.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects.
    report : list of FolderEntry
        Every recording file, whether it is used, and why not.

    Raises
    ------
    ValueError
        If `modalities` is empty, `channels` holds a modality that it does not, or
        `subject_pattern` is not a regular expression.
    RecordingError
        If there is no such folder, no recording in it, or none that can be used.

    See Also
    --------
    load_night : Read one night the same way.
    sleepkit.pipelines.make_stager : Ready-made stagers for such nights.

    Notes
    -----
    A recording (``.edf``, ``.bdf``, ``.rec``) belongs to the first hypnogram that
    exists of the following, in its own folder or, if it is unique, anywhere below
    `path`:

    =====================================  =====================================
    ``Hypnogram_NIGHT.txt``                DREAMS
    ``NIGHT.txt .csv .tsv .xml .json``     same name
    ``NIGHT-nsrr.xml, -profusion.xml``     NSRR
    ``NIGHT-hypnogram-corrected.csv``      of ``sleepkit stage``, corrected; or ``.edf``
    ``NIGHT_1.txt``                        ISRUC
    ``SC4001EC-Hypnogram.edf``             Sleep-EDF, for ``SC4001E0-PSG.edf``
    ``NIGHT_events.tsv``                   BIDS, for ``NIGHT_eeg.edf``
    ``NIGHT Base.edf``                     MASS, for ``NIGHT PSG.edf``
    =====================================  =====================================

    ``NIGHT-hypnogram.csv``, as ``sleepkit stage`` writes it, is the output of a model
    and never used. Skipped are recordings without a hypnogram, with one that scores no
    epoch, files that cannot be read, and copies of a file, which would be in training
    and test.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import load_folder
    >>> noise = np.random.default_rng(0).normal(size=6000)
    >>> eeg = edfio.EdfSignal(noise, 100, label="C3-M2", physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for night in ("sub-01_eeg", "sub-02_eeg"):
    ...         edfio.Edf([eeg]).write(f"{folder}/{night}.edf")
    ...     _ = Path(folder, "sub-01_events.tsv").write_text(
    ...         "onset\tduration\ttrial_type\n0\t30\tW\n30\t30\tN1\n")
    ...     X, y, groups, report = load_folder(folder)
    >>> print(*report, sep="\n")
    used     sub-01_eeg.edf + sub-01_events.tsv: sub-01, eeg C3-M2 (100 Hz)
    skipped  sub-02_eeg.edf: there is no hypnogram of that name
    >>> y, sorted(set(groups))
    (array([0, 1]), [np.str_('sub-01')])
    """
    folder = Path(path)
    names, named = check_choice(modalities, channels, owner=_OWNER)
    reader = _FolderReader(folder, names, named, scheme, units, exclude)
    pairs = find_pairs(folder, _check_pattern(subject_pattern))
    bar = progress_bar(pairs, "files", verbose=verbose)
    entries, loaded = zip(*map(reader.read, bar), strict=True) if pairs else ((), ())
    report = list(entries)
    nights = [night for night in loaded if night is not None]
    if not nights:
        raise RecordingError(_explain_nothing(folder, report))
    X = EpochArray(nights)
    return X, X.hypnogram.astype(np.int64), X.subject, report


@dataclass
class _FolderReader:
    """Reads the pairs of a folder one by one, and knows which contents it has read."""

    folder: Path
    modalities: Sequence[str]
    channels: ChannelChoice
    scheme: Any
    units: Mapping[str, str] | None
    exclude: Exclude | None
    files: dict[str, str] = field(default_factory=dict)  # by SHA-256

    def read(self, pair: Pair) -> tuple[FolderEntry, Recording | None]:
        """Read a night, or give the reason why it cannot be used."""
        name = self._relative(pair.signals)
        hypnogram = "" if pair.hypnogram is None else self._relative(pair.hypnogram)
        content = ""
        try:
            if pair.hypnogram is None:
                raise HypnogramError(explain_missing(pair.signals))
            content = _hash_file(pair.signals)
            self._refuse(pair.subject, content)
            night = self._load(pair, name)
        except (SleepkitError, OSError) as error:
            reason = one_line(error)
            entry = (name, False, pair.subject, hypnogram, "", reason, content)
            return FolderEntry(*entry), None
        self.files[content] = name
        channels = name_channels(night)
        entry = (name, True, pair.subject, hypnogram, channels, "", content)
        return FolderEntry(*entry), night

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _refuse(self, subject: str, content: str) -> None:
        """Refuse copies, and what the caller excludes."""
        reason = None
        if content in self.files:
            reason = f"it is a copy of {self.files[content]}"
        elif self.exclude is not None:
            reason = self.exclude(subject, content)
        if reason:
            raise RecordingError(reason)

    def _load(self, pair: Pair, name: str) -> Recording:
        """Read one night; its id is its path, which is unique."""
        night = load_night(
            pair.signals,
            modalities=self.modalities,
            channels=self.channels,
            hypnogram=pair.hypnogram,
            scheme=self.scheme,
            units=self.units,
            id=name,
            subject=pair.subject,
        )
        if night.hypnogram is None or (night.hypnogram == UNSCORED).all():
            msg = f"{pair.hypnogram} scores no epoch."
            raise HypnogramError(msg)
        return night


def explain_missing(signals: Path) -> str:
    """Say that a night has no hypnogram, and how the output of a model becomes one."""
    reason = "there is no hypnogram of that name"
    for suffix in (".csv", ".edf"):
        stem = f"{signals.stem}-hypnogram"
        if signals.with_name(stem + suffix).exists():
            return (
                f"{reason}; {stem}{suffix} is the output of a model: once corrected, "
                f"name it {stem}-corrected{suffix}"
            )
    return reason


def _check_pattern(pattern: str | None) -> str | None:
    """Require a regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as error:
        msg = (
            f"The 'subject_pattern' parameter of {_OWNER} must be a regular "
            f"expression. Got {pattern!r} instead: {error}."
        )
        raise ValueError(msg) from error
    return pattern


def _hash_file(path: Path) -> str:
    """Identify a file by its content, whatever its name."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _explain_nothing(folder: Path, report: Sequence[FolderEntry]) -> str:
    """Say why no night of a folder can be used."""
    if not report:
        return f"There is no recording (.edf, .bdf, .rec) in {folder}."
    reasons = first_reasons([f"{entry.file}: {entry.reason}" for entry in report])
    return (
        f"No recording in {folder} can be used ({reasons}). `load_folder` and "
        "`sleepkit train --help` list how files are named."
    )
