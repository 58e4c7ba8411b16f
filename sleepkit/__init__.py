"""Sleep staging as scikit-learn estimators: nights in, hypnograms out."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__version__ = "0.1.0.dev0"

# Threads of OpenMP that spin while they wait for each other take many times as long
# beside another busy process. It is read once, when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = [
    "classifiers",
    "datasets",
    "evaluation",
    "exceptions",
    "export",
    "hypnogram",
    "io",
    "live",
    "metrics",
    "model_selection",
    "nn",
    "persistence",
    "pipelines",
    "plotting",
    "preprocessing",
    "pretrained",
    "recording",
    "report",
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
