"""Randomness is handed in, never drawn from a global state."""

from __future__ import annotations

import numpy as np

from sleepkit._typing import RandomState

_SEED_BOUND = 2**32


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
        return np.random.default_rng(int(random_state.randint(_SEED_BOUND, dtype="u8")))
    return np.random.default_rng(random_state)
