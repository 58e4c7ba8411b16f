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
    module = import_module(f"sleepkit.{package}")
    values = {name: getattr(module, name) for name in module.__all__}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, type)
        and issubclass(value, BaseEstimator)
        and not isabstract(value)
        and name not in _EXCLUDED
    }


def name_of(estimator: Any) -> str | None:
    """Return ``"package.Class"`` for an estimator of sleepkit, None for others.

    Classes that inherit from one of sleepkit's are refused.
    """
    kind = type(estimator)
    for package in _PACKAGES:
        if kind.__module__.startswith(f"sleepkit.{package}."):
            known = estimators(package).get(kind.__name__)
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
    if package not in _PACKAGES or kind not in estimators(package):
        msg = f"it holds {name}, which no model file may hold."
        raise ModelFileError(msg)
    return estimators(package)[kind]
