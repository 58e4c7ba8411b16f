"""Checks, randomness and optional packages, shared by every layer above."""

from sleepkit.utils._checks import (
    check_count,
    check_fraction,
    check_no_unscored,
    check_option,
    check_positive,
    check_stages,
)
from sleepkit.utils._files import write_whole
from sleepkit.utils._optional import optional_import
from sleepkit.utils._random import check_random_state
from sleepkit.utils._source import read_source

__all__ = [
    "check_count",
    "check_fraction",
    "check_no_unscored",
    "check_option",
    "check_positive",
    "check_random_state",
    "check_stages",
    "optional_import",
    "read_source",
    "write_whole",
]
