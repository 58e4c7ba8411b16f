"""Writing and reading fitted estimators."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import safetensors
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

import sleepkit
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.persistence._archive import MAX_BYTES, unpack
from sleepkit.persistence._content import FORMAT, compose, construct
from sleepkit.utils import write_atomically

_LOAD_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    safetensors.SafetensorError,
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
        One of sleepkit's classifiers or transformers, an estimator of scikit-learn's,
        or a ``Pipeline`` of these.
    path : path-like
        The file to write; what is there is replaced.
    about : mapping of str to object, default=None
        What a reader should know of the model, as JSON can say it: the nights that it
        was trained on, how they were scored and trimmed, what it reached, its licence.

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
    The file is a zip archive. ``sleepkit.json`` says everything that is no array:
    versions, stages, `about`, and each step with its parameters and what it learnt; of
    a net also the history of its last training, a row of losses and times an epoch.
    ``arrays.safetensors`` holds the weights of nets and other fitted arrays. Estimators
    that are not sleepkit's are written as skops does, each in a folder of the archive.

    Left out are the ``Cache`` steps of a Pipeline, whose folders belong to the computer
    that trained, and what only training needs where JSON cannot say it: ``callbacks``,
    and a generator as ``random_state``. `model_info` lists them as ``"left_out"``. A
    net with an `encoder` class of the user's cannot be saved: the file would have to
    name code for others to run.

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
        content = compose(estimator, dict(about or {}))
        with warnings.catch_warnings():  # what this computer lacks is told by loading
            warnings.simplefilter("ignore", SleepkitWarning)
            construct(*unpack(content))
    except (ModelFileError, *_LOAD_ERRORS) as error:
        msg = f"This {type(estimator).__name__} cannot go into a model file: {error}"
        raise ModelFileError(msg) from error
    write_atomically(path, content)


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
        If the model was trained with another version of scikit-learn, or on a device
        that this computer does not have.

    See Also
    --------
    save_model : Write an estimator.

    Notes
    -----
    Nothing in the file is a program: parts are made of listed classes, and a net only
    if its parameters tell of the very arrays in the file. ``net_.history`` tells how a
    net was trained, epoch by epoch, and ``partial_fit`` goes on from its weights.

    Parameters come back as they were, but for a ``device`` that this computer does not
    have: that becomes ``"auto"``, so that a model trained with ``device="cuda"`` stages
    on any computer.

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
    info, members = _read(Path(path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = construct(info, members)
        except ModelFileError as error:
            raise ModelFileError(_refusal(path, str(error))) from error
        except _LOAD_ERRORS as error:
            msg = _refusal(path, f"it is damaged ({type(error).__name__}: {error}).")
            raise ModelFileError(msg) from error
    for told in caught:
        if issubclass(told.category, SleepkitWarning):
            warnings.warn(f"{path}: {told.message}", SleepkitWarning, stacklevel=2)
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
        ``"format"``, versions of ``"sleepkit"``, ``"scikit-learn"`` and ``"torch"``,
        when it was ``"created"``, class of the ``"estimator"``, its ``"classes"``, the
        ``"layout"`` of an epoch in each modality where a net has one, ``"about"`` as it
        was given, what was ``"left_out"``, and the ``"model"`` itself: its steps, their
        parameters, what they learnt, and the history of a net's training.

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
    return _read(Path(path))[0]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read a file of a bearable size and a format known here."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        why = f"it has {size:,} bytes; a model file has at most {MAX_BYTES:,}."
        raise ModelFileError(_refusal(path, why))
    try:
        info, members = unpack(path.read_bytes())
    except ModelFileError as error:
        raise ModelFileError(_refusal(path, str(error))) from error
    if info.get("format") != FORMAT:
        why = (
            f"it has format {info.get('format')!r}, of sleepkit {info.get('sleepkit')};"
            f" this is sleepkit {sleepkit.__version__}, which reads format {FORMAT}: "
            "install the version that wrote it, or train it again."
        )
        raise ModelFileError(_refusal(path, why))
    return info, members


def _refusal(path: str | PathLike[str], why: str) -> str:
    """Name the file and the reason."""
    return f"{path} cannot be loaded as a model: {why}"
