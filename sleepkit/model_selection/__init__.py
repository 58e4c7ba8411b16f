"""Cross-validation splitters by subject, and a check for leakage."""

from sleepkit.model_selection._leakage import check_no_leakage
from sleepkit.model_selection._split import (
    StratifiedSubjectKFold,
    SubjectKFold,
    SubjectShuffleSplit,
)

__all__ = [
    "StratifiedSubjectKFold",
    "SubjectKFold",
    "SubjectShuffleSplit",
    "check_no_leakage",
]
