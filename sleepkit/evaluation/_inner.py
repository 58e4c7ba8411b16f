"""Splits inside an estimator, looked at before it is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from sleepkit._typing import IntArray
from sleepkit.evaluation._splits import Fold, kinds_of, name_nights
from sleepkit.model_selection import refuse_leaks
from sleepkit.recording import EpochArray, Recording


def refuse_inner_leaks(
    name: str, estimator: Any, fold: Fold, X: EpochArray, y: IntArray
) -> None:
    """Raise if an estimator would validate on people whom it is tested on, or learns.

    An estimator is given nobody whom it is tested on. So they can only come in by a
    parameter that holds nights. And a classifier with a ``cv``, such as a search, must
    split by subject what it is given.
    """
    parameters = estimator.get_params()
    tested = list(X[fold.test].recordings)
    for key, value in parameters.items():
        _refuse_tested(f"the parameter {key!r} of {name!r}", value, tested)
    train = X[fold.train]
    kinds = kinds_of(train)
    for nested in (estimator, *parameters.values()):
        if hasattr(nested, "cv") and is_classifier(nested) and nested.cv != "prefit":
            inner = check_cv(deepcopy(nested.cv), y[fold.train], classifier=True)
            for learnt, validated in inner.split(train, y[fold.train]):
                parts = {
                    f"the inner training of {name!r}": learnt,
                    "its inner validation": validated,
                }
                refuse_leaks(parts, kinds)


def _refuse_tested(where: str, value: Any, tested: list[Recording]) -> None:
    """Refuse nights, or people, that are in the test."""
    held = list(_find_nights(value))
    if held:
        nights = [*held, *tested]
        kinds = {"subject": [n.subject for n in nights], "night": name_nights(nights)}
        parts = {
            where: range(len(held)),
            "test": range(len(held), len(nights)),
        }
        refuse_leaks(parts, kinds)


def _find_nights(value: Any) -> Iterator[Recording]:
    """Find nights in a parameter, in what skorch's ``predefined_split`` makes too."""
    if isinstance(value, Recording):
        yield value
    elif isinstance(value, partial):
        yield from _find_nights([value.args, value.keywords])
    elif isinstance(value, Mapping):
        yield from _find_nights(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _find_nights(part)
    elif isinstance(value, EpochArray):
        yield from value.recordings
    elif hasattr(value, "X"):  # a dataset of skorch
        yield from _find_nights(value.X)
