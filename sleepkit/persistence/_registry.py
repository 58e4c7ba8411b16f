"""Registry of the classes of sleepkit that a model file may name."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from typing import Any, Final

from sklearn.base import BaseEstimator

from sleepkit.exceptions import ModelFileError

_PACKAGES: Final = ("preprocessing", "classifiers")  # the second imports torch
_MODULES: Final = tuple(f"sleepkit.{package}." for package in _PACKAGES)
# It writes to a folder, which must not be named by a file from elsewhere.
_EXCLUDED: Final = {"Cache"}


def estimators(package: str) -> dict[str, type]:
    """List the public estimators of a package by name."""
    names = import_module(f"sleepkit.{package}").__all__
    found = {name: _find(package, name) for name in names}
    return {name: kind for name, kind in found.items() if kind is not None}


def _find(package: str, name: str) -> type | None:
    """Find a public estimator of a package, without importing the others."""
    module = import_module(f"sleepkit.{package}")
    if name not in module.__all__ or name in _EXCLUDED:
        return None
    value = getattr(module, name)
    is_estimator = isinstance(value, type) and issubclass(value, BaseEstimator)
    return value if is_estimator and not isabstract(value) else None


def name_of(estimator: Any) -> str | None:
    """Return ``"package.Class"`` for an estimator of sleepkit, None for others.

    Classes that inherit from one of sleepkit's are refused.
    """
    kind = type(estimator)
    for package in _PACKAGES:
        if kind.__module__.startswith(f"sleepkit.{package}."):
            known = _find(package, kind.__name__)
            return f"{package}.{kind.__name__}" if known is kind else None
    if any(parent.__module__.startswith(_MODULES) for parent in kind.__mro__):
        msg = (
            "only sleepkit's own classifiers and transformers can be saved in a model "
            f"file, and {kind.__qualname__} is not one; use joblib for yours."
        )
        raise ModelFileError(msg)
    return None


def find_class(name: str) -> type:
    """Return the class of a name that `name_of` returned."""
    package, _, kind = name.partition(".")
    found = _find(package, kind) if package in _PACKAGES else None
    if found is None:
        msg = f"it holds {name}, which no model file may hold."
        raise ModelFileError(msg)
    return found
