"""Training cut into rounds of so many steps, whatever the passes over the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any

from sleepkit.training._batches import Batches


class Rounds:
    """Batches of one pass after the other, a number of steps at a time.

    Each iteration goes on where the last one ended. For a net whose data are `Rounds` a
    round counts as an epoch: it validates, records history and may stop after each.

    Parameters
    ----------
    batches : Batches
        The batches of one pass.
    n_passes : int
        Passes over them in all.
    n_steps : int
        Batches in a round; the last one may have fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import ArraySource, Batches
    >>> from sleepkit.training._rounds import Rounds
    >>> source = ArraySource({"eeg": np.arange(3.0).reshape(3, 1)})
    >>> batches = Batches(source, {"stages": np.arange(3)}, 1)
    >>> rounds = Rounds(batches, 2, 4)
    >>> for _ in range(rounds.n_rounds):
    ...     print([targets["stages"].item() for _, targets in rounds])
    [0, 1, 2, 0]
    [1, 2]
    """

    def __init__(self, batches: Batches, n_passes: int, n_steps: int) -> None:
        self.n_steps = n_steps
        self.n_rounds = math.ceil(len(batches) * n_passes / n_steps)
        passes = chain.from_iterable(repeat(batches))
        self._left = islice(passes, len(batches) * n_passes)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Give the batches of the next round."""
        return islice(self._left, self.n_steps)
