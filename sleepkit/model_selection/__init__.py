"""Splits that keep each person on one side."""

from sleepkit.model_selection._split import (
    StratifiedSubjectKFold,
    SubjectKFold,
    SubjectShuffleSplit,
)

__all__ = ["StratifiedSubjectKFold", "SubjectKFold", "SubjectShuffleSplit"]
