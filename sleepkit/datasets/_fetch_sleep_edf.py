"""Download of nights of Sleep-EDF from PhysioNet."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Final

from sleepkit.datasets._sleep_edf import STUDIES, read_tables
from sleepkit.exceptions import SleepkitWarning
from sleepkit.utils import check_option

_OWNER: Final = "fetch_sleep_edf"
_ON_MISSING: Final = ("raise", "warn", "ignore")


def fetch_sleep_edf(
    path: str | PathLike[str] | None = None,
    *,
    subjects: Sequence[int],
    study: str = "cassette",
    on_missing: str = "raise",
    verbose: bool = False,
) -> Path:
    """Download nights of Sleep-EDF Expanded from PhysioNet, through MNE.

    Files that are there already are not downloaded again; those that are have the
    right SHA-1.

    Parameters
    ----------
    path : path-like, default=None
        Where to make the folder ``physionet-sleep-data``. None means MNE's setting
        ``PHYSIONET_SLEEP_PATH`` or else ``~/mne_data``.
    subjects : sequence of int
        Numbers of subjects as in the names of files: 0 for ``SC4001E0-PSG.edf``. The
        20 subjects of the first release are ``range(20)``.
    study : {"cassette", "telemetry"}, default="cassette"
        The study. Of the telemetry study MNE has the nights with placebo only.
    on_missing : {"raise", "warn", "ignore"}, default="raise"
        How to treat numbers that no subject has, as 39 in the cassette study.
    verbose : bool, default=False
        Whether MNE shows its progress.

    Returns
    -------
    Path
        The folder of the files, for `load_sleep_edf`.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or no subject is left.

    Warns
    -----
    SleepkitWarning
        If subjects are missing, with ``on_missing="warn"``.

    See Also
    --------
    load_sleep_edf : Read the nights.
    fetch_nsrr : Download nights from the NSRR.

    Examples
    --------
    >>> from sleepkit.datasets import fetch_sleep_edf, load_sleep_edf
    >>> folder = fetch_sleep_edf(subjects=range(20))  # doctest: +SKIP
    >>> X, y, groups, report = load_sleep_edf(folder)  # doctest: +SKIP
    """
    from mne.datasets.sleep_physionet import age, temazepam

    check_option("study", study, STUDIES, owner=_OWNER)
    check_option("on_missing", on_missing, _ON_MISSING, owner=_OWNER)
    nights = [key for key in read_tables() if key.startswith(STUDIES[study])]
    known = sorted({int(key[3:5]) for key in nights})
    wanted = [int(subject) for subject in subjects]
    absent = [subject for subject in wanted if subject not in known]
    found = [subject for subject in wanted if subject in known]
    if absent or not found:
        msg = (
            f"The 'subjects' parameter of {_OWNER} must name subjects of the {study} "
            f"study, {', '.join(map(str, known))}. Got {wanted} instead."
        )
        if on_missing == "raise" or not found:
            raise ValueError(msg)
        if on_missing == "warn":
            warnings.warn(msg, SleepkitWarning, stacklevel=2)
    level = "info" if verbose else "warning"
    if study == "cassette":
        pairs = age.fetch_data(found, path=path, on_missing="ignore", verbose=level)
    else:  # MNE numbers the subjects of this study anew, in the same order
        places = [known.index(subject) for subject in found]
        pairs = temazepam.fetch_data(places, path=path, verbose=level)
    return Path(pairs[0][0]).parent
