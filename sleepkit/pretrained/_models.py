"""Model files and cards of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sleepkit import persistence
from sleepkit.exceptions import ModelFileError
from sleepkit.utils import check_option

MODELS: Final = ("default", "bands")
_FOLDER: Final = Path(__file__).parent


def load_stager(name: str = "default") -> Any:
    """Load a fitted stager that comes with sleepkit.

    Parameters
    ----------
    name : {"default", "bands"}, default="default"
        ``"default"`` takes recordings, lists of them and an `EpochArray` of signals:
        EEG, EOG and chin EMG in any subset. ``"bands"`` takes an `EpochArray` of the
        ten features a channel of `sleepkit.preprocessing.PowerShares` on signals scaled
        by night, one or two channels as ``"eeg"`` and one as ``"eog"``.

    Returns
    -------
    estimator
        The fitted stager, for research; it is no medical device.

    Raises
    ------
    ValueError
        If there is no such name.
    ModelFileError
        If this installation lacks the file.

    See Also
    --------
    card : What the stager was trained on, needs and reaches.
    sleepkit.pipelines.stage_night : Stages a night with it.

    Examples
    --------
    >>> from sleepkit.io import read_recording
    >>> from sleepkit.pretrained import load_stager
    >>> stager = load_stager()                           # doctest: +SKIP
    >>> stager.predict(read_recording("night.edf"))      # doctest: +SKIP
    array([0, 0, 1, ..., 2, 0, 0])
    """
    return persistence.load_model(model_path(name))


def model_path(name: str = "default") -> Path:
    """Return the path of a model file that comes with sleepkit.

    Parameters
    ----------
    name : {"default", "bands"}, default="default"
        The model.

    Returns
    -------
    pathlib.Path
        Its file.

    Raises
    ------
    ValueError
        If there is no such name.
    ModelFileError
        If this installation lacks the file.

    See Also
    --------
    sleepkit.persistence.model_info : The description in the file.

    Examples
    --------
    >>> from sleepkit.persistence import model_info
    >>> from sleepkit.pretrained import model_path
    >>> model_info(model_path("bands"))["classes"]       # doctest: +SKIP
    [0, 1, 2, 3, 4]
    """
    return _find(name, "model")


def card(name: str = "default") -> str:
    """Return the card of a model: training, needs, scores, licence and credit.

    Parameters
    ----------
    name : {"default", "bands"}, default="default"
        The model.

    Returns
    -------
    str
        The card in Markdown.

    Raises
    ------
    ValueError
        If there is no such name.
    ModelFileError
        If this installation lacks the file.

    See Also
    --------
    load_stager : Loads the stager.

    Examples
    --------
    >>> from sleepkit.pretrained import card
    >>> print(card())                                    # doctest: +SKIP
    """
    return _find(name, "md").read_text(encoding="utf-8")


def _find(name: str, suffix: str) -> Path:
    """File of a model, which a source tree may lack."""
    check_option("name", name, MODELS, owner="sleepkit.pretrained")
    path = _FOLDER / f"{name}.{suffix}"
    if not path.is_file():
        msg = (
            f"This installation of sleepkit lacks {path.name} of its pretrained "
            "stagers; `sleepkit pretrain --nights FOLDER --out FOLDER` trains them, "
            "and --model and load_model take files from anywhere."
        )
        raise ModelFileError(msg)
    return path
