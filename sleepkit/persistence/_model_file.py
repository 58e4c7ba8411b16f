"""Writing and reading fitted estimators."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED

import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

import sleepkit
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.persistence._archive import add_info, read_info
from sleepkit.persistence._trust import check_trees, trusted_types
from sleepkit.utils import write_whole

_FORMAT: Final = 1
_LOAD_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def save_model(
    estimator: Any,
    path: str | PathLike[str],
    *,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted estimator to a file that holds no pickle.

    The file appears whole or not at all, and is one that `load_model` accepts.

    Parameters
    ----------
    estimator : estimator
        A pipeline or classifier made of scikit-learn's and sleepkit's parts.
    path : path-like
        The file to write; what is there is replaced.
    about : mapping of str to object, default=None
        What a reader should know of the model, as JSON can say it: the modalities that
        it was trained on, the nights, a score.

    Raises
    ------
    ModelFileError
        If the estimator has parts that a model file cannot hold; they are named.

    See Also
    --------
    load_model : Read the estimator back.
    model_info : Read what is known of it.

    Notes
    -----
    The file is a zip archive in the format of skops (arrays and a JSON description)
    with one more member, ``sleepkit.json``, for versions, classes and `about`.

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
        content = _skops().dumps(estimator, compression=ZIP_DEFLATED)
        _construct(content)
    except (ModelFileError, *_LOAD_ERRORS) as error:
        msg = f"This {type(estimator).__name__} cannot go into a model file: {error}"
        raise ModelFileError(msg) from error
    classes = getattr(estimator, "classes_", None)
    info = {
        "format": _FORMAT,
        "sleepkit": sleepkit.__version__,
        "scikit-learn": sklearn.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "estimator": type(estimator).__name__,
        "classes": None if classes is None else classes.tolist(),
        "about": dict(about or {}),
    }
    write_whole(path, add_info(content, info))


def load_model(path: str | PathLike[str]) -> Any:
    """Read a fitted estimator, without running anything that the file says.

    Parameters
    ----------
    path : path-like
        A file that `save_model` wrote.

    Returns
    -------
    estimator
        The estimator, which predicts what it predicted when it was saved.

    Raises
    ------
    ModelFileError
        If the file is no model file, is damaged, was written by a later sleepkit, or
        holds types that are neither scikit-learn's nor sleepkit's; they are named.

    Warns
    -----
    SleepkitWarning
        If the model was trained with another version of scikit-learn.

    See Also
    --------
    save_model : Write an estimator.

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
    content, info = _read(Path(path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = _construct(content)
        except ModelFileError as error:
            raise ModelFileError(_refusal(path, str(error))) from error
        except _LOAD_ERRORS as error:
            msg = _refusal(path, f"it is damaged ({type(error).__name__}: {error}).")
            raise ModelFileError(msg) from error
    if any(issubclass(w.category, InconsistentVersionWarning) for w in caught):
        msg = (
            f"{path} was trained with scikit-learn {info.get('scikit-learn')}, and "
            f"this is {sklearn.__version__}: its stages may differ; train it again to "
            "be sure."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=2)
    return estimator


def model_info(path: str | PathLike[str]) -> dict[str, Any]:
    """Read what a model file says of its model, without loading that.

    Parameters
    ----------
    path : path-like
        A file that `save_model` wrote.

    Returns
    -------
    dict
        ``"format"``, versions of ``"sleepkit"`` and ``"scikit-learn"``, when it was
        ``"created"``, class of the ``"estimator"``, its ``"classes"``, and ``"about"``
        as it was given.

    Raises
    ------
    ModelFileError
        If the file is no model file, is damaged, or was written by a later sleepkit.

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
    return _read(Path(path))[1]


def _read(path: Path) -> tuple[bytes, dict[str, Any]]:
    """Read a file and what it says of itself, and require a format known here."""
    content = path.read_bytes()
    try:
        info = read_info(content)
    except ModelFileError as error:
        raise ModelFileError(_refusal(path, str(error))) from error
    if info.get("format") != _FORMAT:
        why = (
            f"it has format {info.get('format')!r}, of sleepkit {info.get('sleepkit')};"
            f" this is sleepkit {sleepkit.__version__}, which reads format {_FORMAT}: "
            "install the version that wrote it, or train it again."
        )
        raise ModelFileError(_refusal(path, why))
    return content, info


def _refusal(path: str | PathLike[str], why: str) -> str:
    """Name the file and the reason."""
    return f"{path} cannot be loaded as a model: {why}"


def _construct(content: bytes) -> Any:
    """Build the estimator out of types that are known to be harmless."""
    skops_io, trusted = _skops(), trusted_types()
    foreign = sorted({*skops_io.get_untrusted_types(data=content)} - {*trusted})
    if foreign:
        msg = f"it holds {', '.join(foreign)}, which no model file may hold."
        raise ModelFileError(msg)
    estimator = skops_io.loads(content, trusted=trusted)
    if not isinstance(estimator, BaseEstimator):
        msg = f"it holds a {type(estimator).__name__}, no estimator."
        raise ModelFileError(msg)
    check_trees(estimator)
    return estimator


def _skops() -> Any:
    """Import skops when it is needed: it imports all of scikit-learn, and torch."""
    return import_module("skops.io")
