"""What must not be on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from sleepkit.exceptions import LeakageError


def refuse_leaks(parts: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Raise if a subject, a night or any other group is in two parts of the data.

    Parameters
    ----------
    parts : mapping of str to array-like
        Rows of each part, as indices or as a mask: ``{"training": ..., "test": ...}``,
        and ``"validation"`` where there is one.
    kinds : mapping of str to array-like of shape (n_rows,)
        What each row belongs to, such as ``{"subject": X.subject}``.

    Raises
    ------
    LeakageError
        If two parts share anything; it is named.

    Examples
    --------
    >>> from sleepkit.model_selection import refuse_leaks
    >>> people = {"subject": ["ann", "ann", "bob", "bob"]}
    >>> refuse_leaks({"training": [0, 1], "test": [2, 3]}, people)
    >>> refuse_leaks({"training": [0, 2], "test": [1]}, people)
    Traceback (most recent call last):
    ...
    sleepkit.exceptions.LeakageError: 1 subject is in training and in test, 'ann' for \
one. Split by subject, as SubjectKFold does.
    """
    for kind, values in kinds.items():
        labels = np.asarray(values)
        members = {
            part: np.unique(labels[np.arange(len(labels))[rows]])
            for part, rows in parts.items()
        }
        for one, other in combinations(members, 2):
            shared = np.intersect1d(members[one], members[other])
            if shared.size:
                are = f"{kind} is" if shared.size == 1 else f"{kind}s are"
                msg = (
                    f"{shared.size} {are} in {one} and in {other}, "
                    f"{shared[0].item()!r} for one. Split by subject, as SubjectKFold "
                    "does."
                )
                raise LeakageError(msg)
