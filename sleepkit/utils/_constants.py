"""Numbers of statistics that more than one package uses."""

from __future__ import annotations

from typing import Final

SD_OF_MAD: Final = 1.4826022185056018
"""Standard deviation of a normal distribution whose median absolute deviation is 1."""
