"""The code that estimators and steps are made of."""

from __future__ import annotations

import inspect
import sys
import uuid
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import joblib

from sleepkit.utils import read_source

_SESSION = uuid.uuid4().hex


def hash_code(value: Any) -> str:
    """Identify the classes and functions in a value by their source.

    What these call in turn is not looked into.
    """
    return str(joblib.hash(sorted({_source(thing) for thing in _definitions(value)})))


def packages_of(value: Any) -> dict[str, str]:
    """Tell the versions of the packages that a value is made of, where they say so."""
    modules = {thing.__module__ or "" for thing in _definitions(value)}
    names = {module.partition(".")[0] for module in modules}
    found = {n: getattr(sys.modules.get(n), "__version__", None) for n in names}
    known = {name: text for name, text in found.items() if isinstance(text, str)}
    return {name: known[name] for name in sorted(known)}


def _definitions(value: Any) -> Iterator[Any]:
    """Find the classes and functions in a value and in its parameters."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _definitions(part)
    elif isinstance(value, partial):
        yield from _definitions([value.func, value.args, value.keywords])
    elif inspect.isroutine(value):
        yield inspect.unwrap(getattr(value, "__func__", value))
    elif inspect.isclass(value):
        yield value
    else:
        yield type(value)
        if hasattr(value, "get_params"):
            yield from _definitions(value.get_params(deep=False))


@cache
def _source(definition: Any) -> str:
    """Give the source of a class or function; compiled ones have a version instead."""
    name = f"{definition.__module__}.{definition.__qualname__}"
    if getattr(definition, "__closure__", None):
        return f"{name} {_SESSION}"  # what it closes over cannot be compared
    source = read_source(definition)
    if source is None and definition.__module__ == "__main__":
        source = _SESSION
    return f"{name} {source or ''}"
