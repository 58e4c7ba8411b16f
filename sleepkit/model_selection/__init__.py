"""Cross-validation splitters by subject, and a check for leakage."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.model_selection._leakage import check_no_leakage
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
    "check_no_leakage",
]
