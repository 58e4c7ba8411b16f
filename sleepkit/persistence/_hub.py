"""Models on a Hugging Face hub, by addresses that name a revision."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, NamedTuple

from sleepkit._messages import one_line, quoted
from sleepkit.exceptions import HubError
from sleepkit.persistence._archive import MAX_BYTES
from sleepkit.utils import optional_import

FILE: Final = "sleepkit.model"  # in the repository of a model
SCHEME: Final = "hf://"
_PART: Final = r"\w[\w.-]*"  # as of git's names, so none is "..", and no path leads out
_FORM: Final = re.compile(
    rf"hf://({_PART}/{_PART})(?:@({_PART}(?:/{_PART})*))?", re.ASCII
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
# The last matching line counts: some errors are of several of these kinds.
_REASONS: Final = {
    "HFValidationError": "no hub has a repository of such a name",
    "HfHubHTTPError": "the hub refuses",
    "RepositoryNotFoundError": (
        "there is no such repository, or it is private and no token was found (see "
        "`hf auth login`)"
    ),
    "RevisionNotFoundError": "the repository has no such revision",
    "RemoteEntryNotFoundError": (
        f"the repository holds no {FILE} at this revision, so no model of sleepkit"
    ),
}


class Address(NamedTuple):
    """Repository of a model, and its revision where one is named."""

    repository: str
    revision: str | None


def is_address(path: str | PathLike[str]) -> bool:
    """Whether a path is the address of a model on a hub."""
    return fspath(path).startswith(SCHEME)


def parse(address: str) -> Address:
    """Parse ``hf://owner/name@revision``."""
    match = _FORM.fullmatch(address)
    if match is None:
        msg = f"an address must be hf://owner/name@revision; got {quoted(address)}."
        raise HubError(msg)
    return Address(*match.groups())


def fetch(address: str, *, unpinned: bool) -> Path:
    """Download a model into the cache of huggingface_hub, unless it is there.

    A commit that is in the cache needs no network.
    """
    repository, revision = parse(address)
    if revision is None and not unpinned:
        msg = (
            f"{address} names no revision, so that another model could come tomorrow: "
            "append @ and the hash of a commit or a tag (in Python, unpinned=True "
            "takes it)."
        )
        raise HubError(msg)
    client, download = api(), hub().hf_hub_download
    with explained(address):
        if revision is not None and not _COMMIT.fullmatch(revision) and not unpinned:
            revision = _commit_of_tag(client, address, repository, revision)
        where = {"filename": FILE, "revision": revision, "endpoint": client.endpoint}
        found = download(repository, **where, dry_run=True)
    _check_size(address, found.file_size)
    with explained(address):
        return Path(download(repository, **where))


def hub() -> Any:
    """Import huggingface_hub on use."""
    return optional_import("huggingface_hub", extra="hub")


def api() -> Any:
    """Client of the hub that ``HF_ENDPOINT`` names, or of Hugging Face's."""
    return hub().HfApi(os.environ.get("HF_ENDPOINT"), library_name="sleepkit")


def _commit_of_tag(client: Any, address: str, repository: str, revision: str) -> str:
    """Hash of the commit of a tag; a branch is refused, as it moves."""
    refs = client.list_repo_refs(repository)
    commits = {tag.name: tag.target_commit for tag in refs.tags}
    if revision in commits:
        return str(commits[revision])
    if revision in {branch.name for branch in refs.branches}:
        msg = (
            f"{address} names a branch, so that another model could come tomorrow: "
            "name the hash of a commit or a tag (in Python, unpinned=True takes it)."
        )
    else:
        msg = (
            f"{address}: {_REASONS['RevisionNotFoundError']}; a revision is the whole "
            "hash of a commit, or a tag."
        )
    raise HubError(msg)


def _check_size(address: str, size: int | None) -> None:
    """Refuse what cannot be a model file, before it is downloaded."""
    if size is not None and size > MAX_BYTES:
        msg = (
            f"{address}: its {FILE} has {size:,} bytes; a model file has at most "
            f"{MAX_BYTES:,}."
        )
        raise HubError(msg)


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn what huggingface_hub and its client raise into one error."""
    try:
        yield
    except HubError:
        raise
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        reasons = [why for name, why in _REASONS.items() if name in kinds]
        why = reasons[-1] if reasons else "the hub cannot be reached"
        msg = f"{address}: {why} ({type(error).__name__}: {one_line(error)})."
        raise HubError(msg) from error
