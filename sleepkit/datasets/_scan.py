"""Table of the nights below a folder, from headers and stages alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit import io
from sleepkit._stages import STAGES, UNSCORED
from sleepkit.datasets import (
    _cap,
    _dcsm,
    _dod,
    _hmc,
    _isruc,
    _mass,
    _physionet2018,
    _shhs,
    _sleep_edf,
    _slpdb,
)
from sleepkit.datasets._cohort import (
    CohortNight,
    explain_failure,
    in_parallel,
    mark_repeated,
    read_night,
)
from sleepkit.datasets._cohort_channels import (
    ChannelTable,
    CohortChannels,
    CohortChoice,
)
from sleepkit.datasets._folder import explain_missing
from sleepkit.datasets._night import check_choice, load_night
from sleepkit.datasets._pairs import SIGNALS, find_pairs
from sleepkit.datasets._scan_cache import ScanCache
from sleepkit.exceptions import RecordingError, SleepkitError
from sleepkit.recording import Recording
from sleepkit.utils import check_option

_OWNER: Final = "scan"
_Finder = Callable[..., list[CohortNight]]
_COHORTS: Final[Mapping[str, tuple[ChannelTable, _Finder]]] = {
    "cap": (_cap.CHANNELS, _cap.find_cap),
    "dcsm": (_dcsm.CHANNELS, _dcsm.find_dcsm),
    "dod": (_dod.CHANNELS, _dod.find_dod),
    "hmc": (_hmc.CHANNELS, _hmc.find_hmc),
    "isruc": (_isruc.CHANNELS, _isruc.find_isruc),
    "mass": (_mass.CHANNELS, _mass.find_mass),
    "physionet2018": (_physionet2018.CHANNELS, _physionet2018.find_physionet2018),
    "shhs": (_shhs.CHANNELS, _shhs.find_shhs),
    "sleep-edf": (_sleep_edf.CHANNELS, _sleep_edf.find_sleep_edf),
    "slpdb": (_slpdb.CHANNELS, _slpdb.find_slpdb),
}


class ScanEntry(NamedTuple):
    """One recording: its files, epochs, channels and problems.

    Its text is a line to print; ``pandas.DataFrame(scan(path))`` is a table.

    Parameters
    ----------
    recording : str
        Id of the recording.
    subject : str
        Its subject.
    signals : str
        Path of its signals within the folder.
    hypnogram : str
        Paths of its stages within the folder, comma-separated.
    n_epochs : int
        Number of epochs; 0 where the recording cannot be used, as all other numbers.
    W : int
        Number of epochs of wake.
    N1 : int
        Number of epochs of N1.
    N2 : int
        Number of epochs of N2.
    N3 : int
        Number of epochs of N3.
    REM : int
        Number of epochs of REM.
    unscored : int
        Number of epochs without a stage.
    channels : str
        Label and rate of the channel of each modality.
    labels : str
        Labels and rates of all channels of the file, where it is EDF or BDF.
    problem : str
        Why the recording cannot be used; empty if it can.
    remarks : str
        Warnings of reading it.

    See Also
    --------
    scan : Returns one for each recording.

    Examples
    --------
    >>> from sleepkit.datasets import ScanEntry
    >>> print(ScanEntry("a", "a", "a.edf", "", 0, 0, 0, 0, 0, 0, 0, "", "", "damaged"))
    a: cannot be used, damaged
    """

    recording: str
    subject: str
    signals: str
    hypnogram: str
    n_epochs: int
    W: int
    N1: int
    N2: int
    N3: int
    REM: int
    unscored: int
    channels: str
    labels: str
    problem: str = ""
    remarks: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"{self.recording}: cannot be used, {self.problem}"
        counts = ", ".join(f"{getattr(self, name)} {name}" for name in _COUNTED)
        remarks = f"; {self.remarks}" if self.remarks else ""
        return f"{self.recording}: {counts}; {self.channels}{remarks}"


_COUNTED: Final = (*STAGES, "unscored")  # UNSCORED is -1, the last


def scan(
    path: str | PathLike[str],
    cohort: str | None = None,
    *,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg"),
    channels: CohortChoice | None = None,
    strict: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
    cache: str | PathLike[str] | None = None,
    **options: Any,
) -> list[ScanEntry]:
    r"""List the nights below a folder, from headers and stages alone.

    Parameters
    ----------
    path : path-like
        The folder.
    cohort : str, default=None
        The nights that a loader finds: ``"cap"``, ``"dcsm"``, ``"dod"``, ``"hmc"``,
        ``"isruc"``, ``"mass"``, ``"physionet2018"``, ``"shhs"``, ``"sleep-edf"`` or
        ``"slpdb"``, as `load_cap` and the others.
        None finds nights of any names, as `load_folder` does.
    modalities : str or sequence of str, default=("eeg", "eog", "emg")
        Modalities to look for.
    channels : mapping of str to str, int, pair of str or list of these, default=None
        Channels of a modality, as for the loader.
    strict : bool, default=False
        Whether a night that cannot be used is an error.
    n_jobs : int, default=None
        Number of processes, as for `joblib.Parallel`.
    verbose : bool, default=False
        Whether to show a progress bar.
    cache : path-like, default=None
        Folder to keep the table in, one file for all scans. Nights whose files have the
        same sizes and time stamps as before are not read again; those with a file that
        cannot be opened, as a broken link, are.
    **options : object
        Other parameters of the loader, as ``visit`` of `load_shhs`, or `scheme`,
        `units` and `subject_pattern` of `load_folder`.

    Returns
    -------
    list of ScanEntry
        The recordings, with the reason of each that cannot be used.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    RecordingError
        If there is no such folder or, with `strict`, a night that cannot be used.

    See Also
    --------
    load_folder : Read a folder of scored nights; also finds copies of a file.
    load_isruc : Read ISRUC-Sleep.
    load_shhs : Read the Sleep Heart Health Study.

    Examples
    --------
    >>> import tempfile, edfio, numpy as np
    >>> from pathlib import Path
    >>> from sleepkit.datasets import scan
    >>> noise = np.random.default_rng(0).normal(size=6000)
    >>> eeg = edfio.EdfSignal(noise, 100, label="C3-M2", physical_dimension="uV")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     edfio.Edf([eeg]).write(f"{folder}/a.edf")
    ...     edfio.Edf([eeg]).write(f"{folder}/b.edf")
    ...     _ = Path(folder, "a.txt").write_text("W\nN2\n")
    ...     print(*scan(folder), sep="\n")
    a.edf: 1 W, 0 N1, 1 N2, 0 N3, 0 REM, 0 unscored; eeg C3-M2 (100 Hz)
    b.edf: cannot be used, there is no hypnogram of that name
    """
    root = Path(path)
    if cohort is None:
        nights = _find_in_folder(root, modalities, channels, **options)
    else:
        check_option("cohort", cohort, _COHORTS, owner=_OWNER)
        table, find = _COHORTS[cohort]
        chosen = CohortChannels.checked(table, modalities, channels, owner=_OWNER)
        nights = find(root, chosen, **options)
    nights = mark_repeated(nights)
    recipe = repr((str(root.resolve()), cohort, modalities, channels, options))
    kept = ScanCache(cache, recipe)
    known = [kept.find(night) for night in nights]
    new = [night for night, row in zip(nights, known, strict=True) if row is None]
    found = in_parallel(partial(_scan_night, root=root), new, n_jobs, verbose)
    entries = [next(found) if row is None else ScanEntry(*row) for row in known]
    kept.write(nights, entries)
    problems = [f"{e.signals}: {e.problem}" for e in entries if e.problem]
    if strict and problems:
        raise RecordingError(explain_failure(_OWNER, root, problems, len(entries)))
    return entries


def _scan_night(night: CohortNight, root: Path) -> ScanEntry:
    """Count the epochs of a night, and list its channels."""
    entry, recording = read_night(night, root)
    return ScanEntry(
        night.id,
        night.subject,
        entry.file,
        entry.hypnogram,
        **_count_epochs(recording),
        channels=entry.channels,
        labels=_list_labels(night.signals),
        problem=entry.reason,
        remarks=entry.remarks,
    )


def _count_epochs(recording: Recording | None) -> dict[str, int]:
    """Count all epochs, those of each stage, and those without one."""
    if recording is None or recording.hypnogram is None:
        return dict.fromkeys(("n_epochs", *_COUNTED), 0)
    stages = recording.hypnogram
    codes = zip(_COUNTED, (*range(len(STAGES)), UNSCORED), strict=True)
    counts = {name: int(np.sum(stages == code)) for name, code in codes}
    return {"n_epochs": recording.n_epochs, **counts}


def _list_labels(signals: Path) -> str:
    """Labels and rates of all channels of a file whose header can be read."""
    if signals.suffix.casefold() not in SIGNALS:
        return ""
    try:
        header = io.describe_channels(signals)
    except (SleepkitError, OSError):
        return ""
    return ", ".join(f"{channel.label} ({channel.sfreq:g} Hz)" for channel in header)


def _find_in_folder(
    root: Path,
    modalities: str | Sequence[str],
    channels: CohortChoice | None,
    *,
    subject_pattern: str | None = None,
    scheme: str | None = None,
    units: Mapping[str, str] | None = None,
) -> list[CohortNight]:
    """Find recordings of any names with their hypnograms, as `load_folder` does."""
    check_choice(modalities, channels, owner=_OWNER)
    options = {
        "modalities": modalities,
        "channels": channels,
        "scheme": scheme,
        "units": units,
    }
    return [
        CohortNight(
            pair.signals.relative_to(root).as_posix(),
            pair.subject,
            pair.signals,
            () if pair.hypnogram is None else (pair.hypnogram,),
            partial(_load, options=options),
            {},
            explain_missing(pair.signals) if pair.hypnogram is None else "",
        )
        for pair in find_pairs(root, subject_pattern)
    ]


def _load(night: CohortNight, options: Mapping[str, Any]) -> Recording:
    """Read a night as `load_folder` does."""
    (hypnogram,) = night.labels
    return load_night(
        night.signals,
        hypnogram=hypnogram,
        id=night.id,
        subject=night.subject,
        **options,
    )
