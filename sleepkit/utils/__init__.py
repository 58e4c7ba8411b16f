"""Checks, randomness and optional packages, shared by every layer above."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.utils._checks import (
        check_count,
        check_fraction,
        check_option,
        check_positive,
    )
    from sleepkit.utils._files import write_whole
    from sleepkit.utils._optional import optional_import
    from sleepkit.utils._random import check_random_state
    from sleepkit.utils._source import read_source
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "check_count",
    "check_fraction",
    "check_option",
    "check_positive",
    "check_random_state",
    "optional_import",
    "read_source",
    "write_whole",
]
