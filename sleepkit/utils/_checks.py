"""Parameter checks: one rule and one message for each kind of value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, Final

import numpy as np

from sleepkit._stages import N_STAGES, STAGES, UNSCORED
from sleepkit._typing import Array, IntArray

_EPOCH_DURATION: Final = 30.0  # seconds


def check_positive(name: str, value: Any, *, owner: str, zero: bool = False) -> float:
    """Require a finite number above zero.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        The value to check.
    owner : str
        The class or function that the parameter belongs to.
    zero : bool, default=False
        Whether zero is allowed.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        If the value is no finite number, or too small.

    Examples
    --------
    >>> from sleepkit.utils import check_positive
    >>> check_positive("sfreq", 100, owner="Resampler")
    100.0
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and math.isfinite(value) and (value > 0 or (zero and value == 0)):
        return float(value)
    rule = "a finite number >= 0" if zero else "a finite number > 0"
    msg = f"The {name!r} parameter of {owner} must be {rule}. Got {value!r} instead."
    raise ValueError(msg)


def check_count(name: str, value: Any, *, owner: str, minimum: int = 1) -> int:
    """Require a whole number of at least ``minimum``.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        The value to check.
    owner : str
        The class or function that the parameter belongs to.
    minimum : int, default=1
        The smallest number allowed.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If the value is no whole number, or too small.

    Examples
    --------
    >>> from sleepkit.utils import check_count
    >>> check_count("n_subjects", 3, owner="make_polysomnography")
    3
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if whole and value >= minimum:
        return int(value)
    msg = (
        f"The {name!r} parameter of {owner} must be a whole number >= {minimum}. "
        f"Got {value!r} instead."
    )
    raise ValueError(msg)


def check_fraction(name: str, value: Any, *, owner: str, one: bool = False) -> float:
    """Require a fraction from 0 to below 1, or to 1.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        The value to check.
    owner : str
        The class or function that the parameter belongs to.
    one : bool, default=False
        Whether 1 is allowed.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        If the value is no number, below 0, above 1, or 1 where that is not allowed.

    Examples
    --------
    >>> from sleepkit.utils import check_fraction
    >>> check_fraction("validation_fraction", 0.1, owner="SleepMGClassifier")
    0.1
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and (0 <= value < 1 or (one and value == 1)):
        return float(value)
    rule = ">= 0 and <= 1" if one else ">= 0 and < 1"
    msg = f"The {name!r} parameter of {owner} must be {rule}. Got {value!r} instead."
    raise ValueError(msg)


def check_option(name: str, value: Any, options: Iterable[Any], *, owner: str) -> Any:
    """Require one of the allowed values.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        The value to check.
    options : iterable
        The allowed values.
    owner : str
        The class or function that the parameter belongs to.

    Returns
    -------
    object
        The value.

    Raises
    ------
    ValueError
        If the value is none of them.

    Examples
    --------
    >>> from sleepkit.utils import check_option
    >>> check_option("per", "recording", ["recording", "training"], owner="Scaler")
    'recording'
    """
    allowed = list(options)
    if any(value is option or value == option for option in allowed):
        return value
    names = ", ".join(map(repr, allowed))
    msg = (
        f"The {name!r} parameter of {owner} must be one of {names}. "
        f"Got {value!r} instead."
    )
    raise ValueError(msg)


def check_stages(
    name: str,
    values: Any,
    *,
    owner: str | None,
    unscored: bool = True,
    empty: bool = False,
    ndim: int = 1,
    error: type[Exception] = ValueError,
) -> IntArray:
    """Require stage codes: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    values : array-like
        The value to check.
    owner : str or None
        The class or function that the parameter belongs to; None where `name` is no
        parameter, but describes the values ("The output of the estimator").
    unscored : bool, default=True
        Whether -1 is allowed.
    empty : bool, default=False
        Whether an array without any epoch is allowed.
    ndim : int, default=1
        Number of axes.
    error : type of Exception, default=ValueError
        What is raised.

    Returns
    -------
    ndarray of int
        The codes; the input itself where it has this type already.

    Raises
    ------
    ValueError
        If a value is no stage code, or the shape is wrong; or else `error`.

    Examples
    --------
    >>> from sleepkit.utils import check_stages
    >>> check_stages("stages", [0, 1, 2, -1], owner="sleep_statistics")
    array([ 0,  1,  2, -1])
    """
    n_stages = getattr(values, "n_stages", N_STAGES)
    if n_stages != N_STAGES:  # codes of merged stages would be read as others
        msg = (
            f"{name if owner is None else f'The {name!r} parameter of {owner}'} must "
            f"have the {N_STAGES} stages {', '.join(STAGES)}. Got a hypnogram merged "
            f"to {n_stages} instead."
        )
        raise error(msg)
    codes: Array = np.asarray(values)
    shaped = codes.ndim == ndim and (empty or codes.size > 0)
    known = np.isin(codes, range(UNSCORED if unscored else 0, N_STAGES))
    numbers = codes.dtype.kind in "iufO" or not codes.size
    if shaped and numbers and known.all():
        return codes.astype(np.intp, copy=False)
    subject = name if owner is None else f"The {name!r} parameter of {owner}"
    kind = "a flat" if ndim == 1 else f"a {ndim}-dimensional"
    legend = [f"{code} {stage}" for code, stage in enumerate(STAGES)]
    legend += [f"{UNSCORED} unscored"] * unscored
    wrong = list(dict.fromkeys((codes[~known] if numbers else codes.ravel()).tolist()))
    msg = (
        f"{subject} must be {kind}{'' if empty else ', non-empty'} array of stage "
        f"codes ({', '.join(legend)}). "
        f"Got {wrong[:5] if shaped else f'shape {codes.shape}'} instead."
    )
    raise error(msg)


def check_epoch_duration(
    stages: Any, epoch_duration: float | None, *, owner: str
) -> float:
    """Require the epoch duration that a hypnogram has itself, if it has one.

    Parameters
    ----------
    stages : Hypnogram or array-like
        The stages. An array has no epoch duration of its own.
    epoch_duration : float or None
        Seconds that the user passed; None for nothing.
    owner : str
        The class or function that the parameter belongs to.

    Returns
    -------
    float
        Seconds of an epoch; 30 where neither is known.

    Raises
    ------
    ValueError
        If the user passed another duration than that of the hypnogram.

    Examples
    --------
    >>> from sleepkit.hypnogram import Hypnogram
    >>> from sleepkit.utils import check_epoch_duration
    >>> check_epoch_duration(Hypnogram([0, 1], 20.0), None, owner="sleep_statistics")
    20.0
    """
    own: float | None = getattr(stages, "epoch_duration", None)
    if epoch_duration is None:
        return _EPOCH_DURATION if own is None else own
    duration = check_positive("epoch_duration", epoch_duration, owner=owner)
    if own is not None and own != duration:
        msg = (
            f"The 'epoch_duration' parameter of {owner} must be that of the hypnogram, "
            f"{own:g} s. Got {duration:g} instead."
        )
        raise ValueError(msg)
    return duration


def check_no_unscored(name: str, values: Any, *, owner: str) -> None:
    """Refuse targets with the mark of unscored epochs, which loaders leave out.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    values : array-like
        The targets, of any type.
    owner : str
        The class or function that the parameter belongs to.

    Raises
    ------
    ValueError
        If a target is -1.

    Examples
    --------
    >>> from sleepkit.utils import check_no_unscored
    >>> check_no_unscored("y", [0, 1, 2], owner="SleepMGClassifier")
    """
    targets = np.asarray(values)
    if targets.dtype.kind in "iuf" and np.any(targets == UNSCORED):
        n_unscored = np.count_nonzero(targets == UNSCORED)
        msg = (
            f"The {name!r} parameter of {owner} must not hold {UNSCORED}, the mark of "
            "unscored epochs; leave these rows out, as EpochArray(..., "
            f"include_unscored=False) does. Got {n_unscored} of {targets.size}."
        )
        raise ValueError(msg)
