"""Splits that keep each person on one side, and the check that they do."""

from sleepkit.model_selection._leaks import refuse_leaks
from sleepkit.model_selection._split import (
    StratifiedSubjectKFold,
    SubjectKFold,
    SubjectShuffleSplit,
)

__all__ = [
    "StratifiedSubjectKFold",
    "SubjectKFold",
    "SubjectShuffleSplit",
    "refuse_leaks",
]
