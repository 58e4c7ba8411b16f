"""Public names of a package, imported when they are first used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pkgutil import get_data
from typing import Any


def lazy_attributes(
    package: str,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package (PEP 562).

    The names are those that its ``__init__`` imports ``if TYPE_CHECKING``, which type
    checkers read as ordinary imports.
    """
    module = sys.modules[package]
    origins = _read_imports(package)

    def get(name: str) -> Any:
        if name not in origins:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(import_module(origins[name]), name)
        setattr(module, name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*vars(module), *origins})

    return get, list_names


def _read_imports(package: str) -> dict[str, str]:
    """Public names in the source of a package, each with the module it is from."""
    source = get_data(package, "__init__.py") or b""
    return {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and node.module.startswith(f"{package}.")
        for alias in node.names
    }
