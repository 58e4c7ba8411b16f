"""Check for leakage between training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from sleepkit._typing import Array
from sleepkit.exceptions import LeakageError


def check_no_leakage(subsets: Mapping[str, Any], groups: Mapping[str, Any]) -> None:
    """Raise if two subsets of the rows share a subject, a night or another group.

    Parameters
    ----------
    subsets : mapping of str to array-like
        Rows of each subset, as indices or as a mask, such as
        ``{"training": ..., "validation": ..., "test": ...}``.
    groups : mapping of str to array-like of shape (n_rows,)
        Groups that must not be split, such as ``{"subject": X.subject}``.

    Raises
    ------
    LeakageError
        If two subsets share a group; the message names one.

    See Also
    --------
    SubjectKFold : Folds without a shared subject.

    Examples
    --------
    >>> from sleepkit.model_selection import check_no_leakage
    >>> groups = {"subject": ["ann", "ann", "bob", "bob"]}
    >>> check_no_leakage({"training": [0, 1], "test": [2, 3]}, groups)
    >>> check_no_leakage({"training": [0, 2], "test": [1]}, groups)
    Traceback (most recent call last):
    ...
    sleepkit.exceptions.LeakageError: 1 subject is in training and in test: 'ann'. \
Split by subject, for example with SubjectKFold.
    """
    for group, values in groups.items():
        labels = np.asarray(values)
        members = {
            subset: np.unique(labels[np.arange(len(labels))[rows]])
            for subset, rows in subsets.items()
        }
        for one, other in combinations(members, 2):
            shared = np.intersect1d(members[one], members[other])
            if shared.size:
                raise LeakageError(_message(group, one, other, shared))


def _message(group: str, one: str, other: str, shared: Array) -> str:
    """Name the subsets and the first shared group."""
    are = f"{group} is" if shared.size == 1 else f"{group}s are"
    name = f"{'e.g. ' * (shared.size > 1)}{shared[0].item()!r}"
    return (
        f"{shared.size} {are} in {one} and in {other}: {name}. Split by subject, for "
        "example with SubjectKFold."
    )
