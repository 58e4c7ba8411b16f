"""Sharing of a model file with its card."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Final

import sleepkit
from sleepkit.exceptions import HubError
from sleepkit.persistence._card import model_card
from sleepkit.persistence._hub import FILE, SCHEME, api, explained, hub, parse
from sleepkit.persistence._model_file import model_info

_LICENCES: Final = ("apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc0-1.0", "mit")


def push_model(
    path: str | PathLike[str],
    address: str,
    *,
    private: bool = True,
    message: str | None = None,
) -> str:
    """Push a model file with its card to a repository on a Hugging Face hub.

    Parameters
    ----------
    path : path-like
        A file that `save_model` wrote.
    address : str
        ``"hf://owner/name"``; the repository is made where there is none.
    private : bool, default=True
        Whether a new repository is private; an existing one stays as it is.
    message : str, default=None
        What the commit says; None names the version of sleepkit.

    Returns
    -------
    str
        The address with the hash of the commit, which `load_model` takes.

    Raises
    ------
    ImportError
        If huggingface-hub is missing; ``pip install 'sleepkit-learn[hub]'``.
    ModelFileError
        If the file is no model file; nothing is pushed then.
    HubError
        If the address has another form or names a revision, or the hub refuses.

    See Also
    --------
    load_model : Loads what was pushed.
    model_card : What others will read.

    Notes
    -----
    The model and its card, as ``README.md``, go into one commit. The token is that of
    huggingface_hub: ``hf auth login``, or the variable ``HF_TOKEN``. ``HF_ENDPOINT``
    names another hub. Earlier models stay in the history of the repository.

    The file holds the name of no subject, only hashes of their names. A hash hides no
    name that can be guessed, so look at what ``model_info(path)["about"]`` holds.

    Examples
    --------
    >>> from sleepkit.persistence import load_model, push_model
    >>> address = push_model("my.model", "hf://me/my-stager")    # doctest: +SKIP
    >>> stager = load_model(address)                             # doctest: +SKIP
    """
    repository, revision = parse(address)
    if revision is not None:
        msg = f"push_model takes an address without a revision; got {address}."
        raise HubError(msg)
    files = {FILE: Path(path).read_bytes(), "README.md": _readme(path).encode()}
    client, add = api(), hub().CommitOperationAdd
    with explained(address):
        client.create_repo(repository, private=private, exist_ok=True)
        commit = client.create_commit(
            repository,
            [add(name, content) for name, content in files.items()],
            commit_message=message or f"Model of sleepkit {sleepkit.__version__}",
        )
    return f"{SCHEME}{repository}@{commit.oid}"


def _readme(path: str | PathLike[str]) -> str:
    """Card of a model, below the lines that a hub reads."""
    about = ["library_name: sleepkit"]
    licence = str(model_info(path)["about"].get("licence", "")).lower()
    if licence in _LICENCES:
        about.append(f"license: {licence}")
    return "\n".join(["---", *about, "---", "", model_card(path).to_markdown(), ""])
