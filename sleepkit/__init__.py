"""Sleep staging as scikit-learn estimators: nights in, hypnograms out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__version__ = "0.1.0.dev0"

__all__ = [
    "classifiers",
    "datasets",
    "evaluation",
    "exceptions",
    "io",
    "metrics",
    "model_selection",
    "nn",
    "persistence",
    "pipelines",
    "plotting",
    "preprocessing",
    "recording",
    "signal",
    "training",
    "utils",
]


def __getattr__(name: str) -> ModuleType:
    """Import a subpackage when it is first used."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List the subpackages, imported or not."""
    return sorted({*globals(), *__all__})
