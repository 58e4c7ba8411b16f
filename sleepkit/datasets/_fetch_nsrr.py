"""Download of nights from the National Sleep Research Resource (NSRR)."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import urlopen

from sleepkit.datasets._resume import ResumingDownloader
from sleepkit.exceptions import RecordingError
from sleepkit.utils import progress_bar

_TOKEN: Final = "NSRR_TOKEN"
_TIMEOUT: Final = 60.0  # seconds
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


class _File(NamedTuple):
    """File of a data set: its path there, size in bytes, and MD5."""

    path: str
    size: int | None
    md5: str | None


def fetch_nsrr(
    dataset: str,
    path: str | PathLike[str],
    *,
    subjects: Iterable[int | str] | None = None,
    folder: str = "polysomnography",
    base_url: str = "https://sleepdata.org",
    verbose: bool = False,
) -> Path:
    """Download nights from the National Sleep Research Resource (NSRR).

    A file that is there already, with the right MD5, is not downloaded again, and a
    download that broke off goes on where it stopped, in this call or in a later one.

    Parameters
    ----------
    dataset : str
        Name of the data set in its address, such as ``"shhs"``.
    path : path-like
        Where to make a folder of that name, with the folders of the archive inside.
    subjects : iterable of int or str, default=None
        Identifiers of subjects: files whose names have one as a word of its own are
        downloaded, as ``shhs1-200001.edf`` for 200001. None downloads all.
    folder : str, default="polysomnography"
        The folder of the data set to download, with all folders below it;
        ``"datasets"`` has the tables, whose names hold no subject.
    base_url : str, default="https://sleepdata.org"
        Address of the server.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    Path
        The folder of the data set, for `load_shhs`.

    Raises
    ------
    ValueError
        If the environment variable ``NSRR_TOKEN`` is not set, or a parameter is out of
        its range.
    RecordingError
        If there is no file of a subject, or a file differs in its size or its MD5.
    ConnectionError
        If the server does not answer, refuses the token, or breaks off again and again.

    See Also
    --------
    fetch_sleep_edf : Download nights of Sleep-EDF, which is open.
    load_shhs : Read the Sleep Heart Health Study.

    Notes
    -----
    Access is granted on request at https://sleepdata.org, and the token is that of
    https://sleepdata.org/token. It stands in the environment variable ``NSRR_TOKEN``
    and in no message.

    Examples
    --------
    >>> from sleepkit.datasets import fetch_nsrr, load_shhs
    >>> folder = fetch_nsrr("shhs", "nights", subjects=[200001])  # doctest: +SKIP
    >>> X, y, groups, report = load_shhs(folder)  # doctest: +SKIP
    """
    server = _Server(base_url.rstrip("/"), _check_name(dataset), _find_token())
    wanted = None if subjects is None else [str(subject) for subject in subjects]
    found = list(server.list_files(folder.strip("/")))
    chosen = found if wanted is None else _of_subjects(found, wanted, dataset, folder)
    root = Path(path) / dataset
    with _quiet_pooch():
        for file in progress_bar(chosen, "files", verbose=verbose):
            server.download(file, root)
    return root


@dataclass(frozen=True)
class _Server:
    """Server of the NSRR, for one data set; no message shows the token."""

    base_url: str
    dataset: str
    token: str = field(repr=False)

    def list_files(self, folder: str) -> Iterator[_File]:
        """List the files of a folder and of those below it, archived ones left out."""
        query = urlencode({"path": folder, "auth_token": self.token})
        address = f"{self.base_url}/api/v1/datasets/{self.dataset}/files.json?{query}"
        try:
            rows = _read_json(address)
            items = [(row, PurePosixPath(row["full_path"])) for row in rows]
        except (OSError, HTTPException, ValueError, TypeError, KeyError) as error:
            msg = (
                f"{self.base_url} does not list the folder {folder!r} of "
                f"{self.dataset!r} ({error}). Is the token in {_TOKEN} valid, and was "
                "access granted?"
            )
            raise ConnectionError(msg) from None
        for row, path in items:
            is_below = path.is_relative_to(folder) and path != PurePosixPath(folder)
            leads_out = ".." in path.parts or "\\" in str(path)
            if not is_below or leads_out or row.get("archived"):
                continue
            if row.get("is_file"):
                yield _describe(row)
            else:
                yield from self.list_files(str(path))

    def download(self, file: _File, root: Path) -> None:
        """Download a file that is not there, or differs from its MD5."""
        import pooch

        target = root / file.path
        public = f"{self.base_url}/datasets/{self.dataset}/files"
        address = f"{public}/a/{quote(self.token)}/m/sleepkit/{quote(file.path)}"
        part = target.with_name(target.name + ".part")
        try:
            pooch.retrieve(
                f"{public}/{quote(file.path)}",  # pooch may show it: without the token
                known_hash=None if file.md5 is None else f"md5:{file.md5}",
                fname=target.name,
                path=target.parent,
                downloader=ResumingDownloader(address, part, file.size),
            )
        except (RecordingError, ConnectionError) as error:
            msg = (
                f"{file.path} of {self.dataset} cannot be downloaded: {error}. Does "
                f"the token in {_TOKEN} give access? Another call goes on from there."
            )
            raise type(error)(msg) from None
        except ValueError as error:  # of pooch
            msg = (
                f"{file.path} of {self.dataset} was downloaded, but differs from its "
                f"MD5, {file.md5}; it was removed."
            )
            raise RecordingError(msg) from error


def _read_json(address: str) -> Any:
    """Read an answer of the server."""
    try:
        with urlopen(address, timeout=_TIMEOUT) as response:
            return json.load(response)
    except HTTPError as error:
        error.close()
        raise


def _describe(row: Any) -> _File:
    """Path, size and MD5 of a file in a listing."""
    size = row.get("file_size")
    md5 = str(row.get("file_checksum_md5") or "").casefold()
    return _File(
        row["full_path"],
        size if isinstance(size, int) else None,
        md5 if re.fullmatch(r"[0-9a-f]{32}", md5) else None,
    )


def _of_subjects(
    files: Sequence[_File], subjects: Sequence[str], dataset: str, folder: str
) -> list[_File]:
    """Files of some subjects, each of which must have one."""
    words = {
        file: set(re.split(r"[^0-9A-Za-z]+", Path(file.path).name)) for file in files
    }
    known = set().union(*words.values())
    absent = [subject for subject in subjects if subject not in known]
    if absent:
        msg = (
            f"The folder {folder!r} of {dataset!r} has no file of the subjects "
            f"{', '.join(absent)}."
        )
        raise RecordingError(msg)
    return [file for file, names in words.items() if not names.isdisjoint(subjects)]


def _check_name(dataset: str) -> str:
    """Require the name of a data set as in an address."""
    if _NAME.fullmatch(dataset) is None:
        msg = (
            "The 'dataset' parameter of fetch_nsrr must be a name in lower case, such "
            f"as 'shhs'. Got {dataset!r} instead."
        )
        raise ValueError(msg)
    return dataset


def _find_token() -> str:
    """Token in the environment."""
    token = os.environ.get(_TOKEN, "").strip()
    if not token:
        msg = (
            f"fetch_nsrr needs the environment variable {_TOKEN}, with the token of "
            "https://sleepdata.org/token. It is not set."
        )
        raise ValueError(msg)
    return token


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from reporting each file."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
