"""Model files: a fitted estimator as a zip archive of JSON and arrays."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike, fspath
from typing import Any, Final, NamedTuple

import safetensors.numpy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

import sleepkit
from sleepkit._messages import quoted, shortened
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.persistence._archive import ARRAYS, MAX_BYTES, pack, unpack
from sleepkit.persistence._decode import Decoder
from sleepkit.persistence._encode import Encoder
from sleepkit.persistence._hub import fetch, is_address
from sleepkit.utils import last_step, open_regular, write_atomically

_FORMAT: Final = 2


def save_model(
    estimator: Any,
    path: str | PathLike[str],
    *,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted estimator to a model file, which holds no pickle.

    The file is written atomically, after a check that `load_model` can read it.

    Parameters
    ----------
    estimator : estimator
        A classifier or transformer of sleepkit, an estimator of scikit-learn, or a
        ``Pipeline`` of these.
    path : path-like
        The file to write; an existing one is replaced.
    about : mapping of str to object, default=None
        Facts about the model, as JSON values: nights it was trained on, how they were
        scored and trimmed, its scores, its licence. `model_card` lists those that it
        shows.

    Raises
    ------
    ModelFileError
        If the estimator has parts that a model file cannot hold; the message names
        them.

    See Also
    --------
    load_model : Read the estimator.
    model_info : Read the description of a model.
    model_card : Make the card of a model.
    push_model : Share a model file.

    Notes
    -----
    The file is a zip archive. ``sleepkit.json`` holds everything except arrays:
    versions, stages, `about`, and the parameters and fitted attributes of each step;
    for a net also the history of its last training, with losses and times by epoch.
    ``arrays.safetensors`` holds the weights of nets and other fitted arrays. Estimators
    that are not sleepkit's are written by skops, each in a folder of the archive.

    The ``Cache`` steps of a Pipeline are left out, since their folders belong to the
    computer of the training. So are parameters that only training needs: other models,
    ``teacher`` and ``warm_start_from``, and what JSON cannot hold, ``callbacks`` and a
    generator as ``random_state``. `model_info` lists them as ``"left_out"``. Classes
    written by the user, such as a subclass of a classifier or an `encoder`, cannot be
    saved: the file would name code to run. Save such a model with ``joblib.dump``, and
    load it only from a source that you trust.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sleepkit.persistence import load_model, save_model
    >>> stager = LogisticRegression().fit([[0.0], [1.0]], [0, 2])
    >>> with TemporaryDirectory() as folder:
    ...     save_model(stager, Path(folder, "stager.model"))
    ...     again = load_model(Path(folder, "stager.model"))
    >>> again.predict([[0.1], [0.9]])
    array([0, 2])
    """
    try:
        content = _compose(estimator, dict(about or {}))
        with warnings.catch_warnings():  # load_model warns of a missing device
            warnings.simplefilter("ignore", SleepkitWarning)
            _construct(*unpack(content))
    except Exception as error:  # whatever loading the file would raise
        msg = f"This {type(estimator).__name__} cannot go into a model file: {error}"
        raise ModelFileError(msg) from error
    write_atomically(path, content)


def load_model(path: str | PathLike[str], *, unpinned: bool = False) -> Any:
    """Read a fitted estimator, without running code from the file.

    Parameters
    ----------
    path : path-like
        A file that `save_model` wrote, or the address ``"hf://owner/name@revision"`` of
        one that `push_model` pushed; the revision is the hash of a commit, or a tag.
    unpinned : bool, default=False
        Whether an address may name a branch or no revision, whose model may change.

    Returns
    -------
    estimator
        The estimator, with the predictions that it had when it was saved.

    Raises
    ------
    ModelFileError
        If the file is no model file, is damaged, was written by a later sleepkit, or
        holds types that are neither scikit-learn's nor sleepkit's; the message names
        them.
    HubError
        If the address is wrong, or its hub does not give the file.
    ImportError
        If an address is given and huggingface-hub is missing; ``pip install
        'sleepkit-learn[hub]'``.

    Warns
    -----
    SleepkitWarning
        If the model was trained with another version of scikit-learn, or on a device
        that this computer does not have.

    See Also
    --------
    save_model : Write an estimator.

    Notes
    -----
    Only listed classes are built, and a net only if its parameters describe the arrays
    in the file. ``net_.history`` holds the history of the training, and ``partial_fit``
    continues from the weights.

    All parameters are restored, except a ``device`` that this computer does not have:
    it becomes ``"auto"``, so that a model trained with ``device="cuda"`` can predict on
    any computer.

    What an address names is downloaded once, into the cache of huggingface_hub; with
    the hash of a commit it is then loaded without network.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sleepkit.persistence import load_model, save_model
    >>> with TemporaryDirectory() as folder:
    ...     save_model(LogisticRegression(C=0.5), Path(folder, "stager.model"))
    ...     load_model(Path(folder, "stager.model"))
    LogisticRegression(C=0.5)
    """
    return read_model(path, unpinned=unpinned).estimator


class ModelFile(NamedTuple):
    """An estimator, the description of `model_info`, and the hash of the file."""

    estimator: Any
    info: dict[str, Any]
    sha256: str


def read_model(path: str | PathLike[str], *, unpinned: bool = False) -> ModelFile:
    """Read a file once, with all that `load_model` and `model_info` give."""
    info, members, sha256 = _read(path, unpinned=unpinned)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = _construct(info, members)
        except ModelFileError as error:
            raise ModelFileError(_refusal(path, str(error))) from error
        except Exception as error:  # a damaged file can raise any
            msg = _refusal(path, f"it is damaged ({type(error).__name__}: {error}).")
            raise ModelFileError(msg) from error
    for one in caught:
        if issubclass(one.category, SleepkitWarning):
            warnings.warn(f"{path}: {one.message}", SleepkitWarning, stacklevel=3)
    if any(issubclass(w.category, InconsistentVersionWarning) for w in caught):
        msg = (
            f"{path} was trained with scikit-learn {info.get('scikit-learn')}, and "
            f"this is {sklearn.__version__}: predictions may differ; train it again to "
            "be sure."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=3)
    return ModelFile(estimator, info, sha256)


def model_info(path: str | PathLike[str], *, unpinned: bool = False) -> dict[str, Any]:
    """Read the description of a model, without loading the model.

    Parameters
    ----------
    path : path-like
        A file that `save_model` wrote, or an address, as `load_model` takes it.
    unpinned : bool, default=False
        As of `load_model`.

    Returns
    -------
    dict
        ``"format"``, versions of ``"sleepkit"``, ``"scikit-learn"`` and ``"torch"``,
        the time it was ``"created"``, class of the ``"estimator"``, its ``"classes"``,
        the ``"layout"`` of an epoch in each modality for a net, ``"about"`` as given to
        `save_model`, ``"left_out"``, the places of what was not saved, and ``"model"``:
        steps, parameters, fitted attributes and the training history of a net.

    Raises
    ------
    ModelFileError
        If the file is no model file, is damaged, or was written by a later sleepkit.
    HubError
        If the address is wrong, or its hub does not give the file.

    See Also
    --------
    model_card : The same for people.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sleepkit.persistence import model_info, save_model
    >>> stager = LogisticRegression().fit([[0.0], [1.0]], [0, 2])
    >>> with TemporaryDirectory() as folder:
    ...     save_model(stager, Path(folder, "stager.model"), about={"nights": 2})
    ...     info = model_info(Path(folder, "stager.model"))
    >>> info["classes"], info["about"]
    ([0, 2], {'nights': 2})
    """
    return _read(path, unpinned=unpinned)[0]


def _compose(estimator: Any, about: dict[str, Any]) -> bytes:
    """Encode an estimator as the content of a model file."""
    encoder = Encoder()
    last = last_step(estimator)
    classes = getattr(last, "classes_", None)
    info = {
        "format": _FORMAT,
        "sleepkit": sleepkit.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": version("torch"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "estimator": type(estimator).__name__,
        "classes": None if classes is None else classes.tolist(),
        "layout": getattr(last, "layout_", None),
        "about": about,
        "model": encoder.encode(estimator, ""),
        "left_out": encoder.left_out,
    }
    members = {
        f"{number}/{name}": member
        for number, parts in enumerate(encoder.foreign)
        for name, member in parts.items()
    }
    return pack(info, {ARRAYS: safetensors.numpy.save(encoder.arrays), **members})


def _construct(info: dict[str, Any], members: dict[str, bytes]) -> Any:
    """Decode the estimator of a checked archive."""
    arrays = safetensors.numpy.load(members.pop(ARRAYS))
    foreign: dict[str, dict[str, bytes]] = {}
    for place, member in members.items():
        number, _, name = place.partition("/")
        foreign.setdefault(number, {})[name] = member
    decoder = Decoder(arrays, foreign)
    estimator = decoder.decode(info["model"])
    if not isinstance(estimator, BaseEstimator):
        msg = f"it holds a {type(estimator).__name__}, no estimator."
        raise ModelFileError(msg)
    decoder.check_all_used()
    return estimator


def _read(
    path: str | PathLike[str], *, unpinned: bool
) -> tuple[dict[str, Any], dict[str, bytes], str]:
    """Read and check a file: its size, archive and format; give also its hash."""
    place = fetch(fspath(path), unpinned=unpinned) if is_address(path) else path
    with open_regular(place) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            why = f"it has {size:,} bytes; a model file has at most {MAX_BYTES:,}."
            raise ModelFileError(_refusal(path, why))
        content = file.read(size)
    try:
        info, members = unpack(content)
    except ModelFileError as error:
        raise ModelFileError(_refusal(path, str(error))) from error
    if info.get("format") != _FORMAT:
        why = (
            f"it has format {quoted(info.get('format'))}, of sleepkit "
            f"{shortened(str(info.get('sleepkit')), 20)}; this is sleepkit "
            f"{sleepkit.__version__}, which reads format {_FORMAT}: install the "
            "version that wrote it, or train it again."
        )
        raise ModelFileError(_refusal(path, why))
    if not isinstance(info.get("about"), dict):
        why = f"it is damaged: its 'about' is {quoted(info.get('about'))}, no mapping."
        raise ModelFileError(_refusal(path, why))
    return info, members, hashlib.sha256(content).hexdigest()


def _refusal(path: str | PathLike[str], why: str) -> str:
    """Return the message of a failed load."""
    return f"{path} cannot be loaded as a model: {why}"
