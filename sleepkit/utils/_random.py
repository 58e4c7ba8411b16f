"""Random state: always a parameter, never global."""

from __future__ import annotations

from typing import Final

import numpy as np

from sleepkit._typing import RandomState

_SEED_BOUND: Final = 2**31  # every library takes seeds below it


def check_random_state(random_state: RandomState) -> np.random.Generator:
    """Turn a seed, a generator or None into a generator.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        A seed gives the same stream at every call; a generator is used as it is; a
        legacy ``RandomState`` seeds a generator; None draws fresh entropy.

    Returns
    -------
    numpy.random.Generator
        The generator to draw from.

    Examples
    --------
    >>> from sleepkit.utils import check_random_state
    >>> int(check_random_state(0).integers(100))
    85
    """
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(int(random_state.randint(_SEED_BOUND)))
    return np.random.default_rng(random_state)


def draw_seed(random_state: RandomState) -> int:
    """Draw a seed for another library.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        As for `check_random_state`.

    Returns
    -------
    int
        At least 0 and below 2 ** 31.

    Examples
    --------
    >>> from sleepkit.utils import draw_seed
    >>> draw_seed(0) == draw_seed(0)
    True
    """
    return int(check_random_state(random_state).integers(_SEED_BOUND))
