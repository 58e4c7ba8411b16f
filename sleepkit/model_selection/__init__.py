"""Splits that keep each person on one side, and the check that they do."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.model_selection._leaks import refuse_leaks
    from sleepkit.model_selection._split import (
        StratifiedSubjectKFold,
        SubjectKFold,
        SubjectShuffleSplit,
    )
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "StratifiedSubjectKFold",
    "SubjectKFold",
    "SubjectShuffleSplit",
    "refuse_leaks",
]
