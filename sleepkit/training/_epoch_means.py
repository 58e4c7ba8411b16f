"""Values of batches in the history of a net, and their means over an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np


class EpochMeans:
    """Writes values of batches down as they come, and their means at the end."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def record(self, net: Any, key: str, value: float) -> None:
        """Write a value of this batch."""
        net.history.record_batch(key, value)
        self._values.setdefault(key, []).append(value)

    def write(self, net: Any) -> None:
        """Write the means of the epoch."""
        for key, values in self._values.items():
            net.history.record(key, float(np.mean(values)))
