"""Names of the formats of hypnogram files, which the command lists without NumPy."""

from __future__ import annotations

from typing import Final

from sleepkit.io._stage_files._layouts import LAYOUTS

READ: Final = (
    "auto",
    "edf",
    "xml",
    "json",
    "lines",
    "table",
    *(layout.name for layout in LAYOUTS),
)
SUFFIXES: Final[dict[str, str | None]] = {  # of the formats that are written
    "csv": ".csv",
    "bids": ".tsv",
    "bids-derivative": "_hypnogram.tsv",
    "edf": ".edf",
    "luna": ".annot",
    "edfbrowser": None,
    "json": ".json",
}


def find_format(name: str) -> str | None:
    """Return the format that a file name has by its ending, the longest that fits."""
    fits = {
        key: len(suffix)
        for key, suffix in SUFFIXES.items()
        if suffix is not None and name.casefold().endswith(suffix)
    }
    return max(fits, key=lambda key: fits[key], default=None)
