"""Training cut into rounds of so many steps, whatever the passes over the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
        self.batches = batches
        self.n_steps = n_steps
        self.n_rounds = math.ceil(len(batches) * n_passes / n_steps)
        self._n_left = len(batches) * n_passes
        self._begin_pass(0)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Give the batches of the next round."""
        for _ in range(min(self.n_steps, self._n_left)):
            yield self._next()

    def _begin_pass(self, n_done: int) -> None:
        """Begin a pass after its first batches."""
        self._before = self.batches.state_dict()  # the first batch draws the order
        self._n_done = n_done
        self._pass = self.batches.skip(n_done)

    def _next(self) -> tuple[Any, Any]:
        """Return the next batch of this pass, or the first of another."""
        batch = next(self._pass, None)
        if batch is None:
            self._begin_pass(0)
            batch = next(self._pass)
        self._n_done += 1
        self._n_left -= 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Return where the next round begins."""
        return {"pass": self._before, "n_done": self._n_done, "n_left": self._n_left}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Return to where a round began."""
        self.batches.load_state_dict(state["pass"])
        self._n_left = state["n_left"]
        self._begin_pass(state["n_done"])
