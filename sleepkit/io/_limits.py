"""Limits of what is read: no file asks for more than a night can be."""

from __future__ import annotations

from typing import Final

LONGEST_NIGHT: Final = 31 * 86400.0  # seconds
MAX_SIGNALS: Final = 2048  # of a recording
HIGHEST_SFREQ: Final = 1e6  # hertz
# Gaps are filled where the samples take no more memory than this, or than so many
# times the file.
MAX_FILLED_BYTES: Final = 2**28
MAX_FILLED_TIMES: Final = 64
MAX_TEXT_BYTES: Final = 2**24  # of a stage file
MAX_LABELS: Final = 2**18  # of a scorer, one a second for three days
MAX_LINE: Final = 2**19  # characters, of a line that holds all labels
MAX_COLUMNS: Final = 128  # of a table
MAX_SCORERS: Final = 64
