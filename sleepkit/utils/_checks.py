"""One rule and one message for each kind of bad parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


def check_positive(name: str, value: Any, *, owner: str, zero: bool = False) -> float:
    """Require a finite number above zero.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        What the user gave.
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
        If it is no finite number, or too small.

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
        What the user gave.
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
        If it is no whole number, or too small.

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


def check_fraction(name: str, value: Any, *, owner: str) -> float:
    """Require a part of a whole that is not all of it.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        What the user gave.
    owner : str
        The class or function that the parameter belongs to.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        If it is no number, below 0, or 1 or more.

    Examples
    --------
    >>> from sleepkit.utils import check_fraction
    >>> check_fraction("validation_fraction", 0.1, owner="SleepMGClassifier")
    0.1
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and 0 <= value < 1:
        return float(value)
    msg = (
        f"The {name!r} parameter of {owner} must be >= 0 and < 1. "
        f"Got {value!r} instead."
    )
    raise ValueError(msg)


def check_option(name: str, value: Any, options: Iterable[Any], *, owner: str) -> Any:
    """Require one of a few values.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        What the user gave.
    options : iterable
        The values that are allowed.
    owner : str
        The class or function that the parameter belongs to.

    Returns
    -------
    object
        The value.

    Raises
    ------
    ValueError
        If it is none of them.

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
