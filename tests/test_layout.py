"""Where things are: public lists, mirrored tests, private imports, sizes.

Each test states one rule and lists all that break it.
"""

from __future__ import annotations

import ast
import io
import pkgutil
import re
import tokenize
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import sleepkit

PACKAGE = Path(sleepkit.__file__).parent
TESTS = Path(__file__).parent
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
PUBLIC = sorted(
    module.name
    for module in pkgutil.iter_modules(sleepkit.__path__)
    if not module.name.startswith("_") and module.name != "cli"
)
MAX_FILE, MAX_FUNCTION = 250, 30  # lines of code
# Which packages may import another's private modules: what serves them and no user.
SHARED_INSIDE = {
    "datasets": {"cli"},
    "hypnogram": {"io"},
    "io": {"cli", "datasets", "live"},
    "nn": {"classifiers"},
    "persistence": {"cli"},
    "pipelines": {"cli"},
    "preprocessing": {"export", "live"},
    "report": {"cli"},
    "signal": {"export", "preprocessing"},
    "training": {"classifiers", "cli", "export", "persistence"},
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


# ------------------------------------------------------------------- public lists


def test_every_public_package_is_listed():
    assert sleepkit.__all__ == PUBLIC


@pytest.mark.parametrize("package", PUBLIC)
def test_public_list_is_real(package):
    module = import_module(f"sleepkit.{package}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def modules_with_public_names() -> set[str]:
    """Dotted names of the private modules where the public names are defined."""
    modules = (import_module(f"sleepkit.{package}") for package in PUBLIC)
    values = (getattr(module, name) for module in modules for name in module.__all__)
    names = {getattr(value, "__module__", "") for value in values}
    return {name for name in names if name.startswith("sleepkit.") and "._" in name}


def test_modules_have_their_tests():
    """``sleepkit/io/_edf.py`` has ``tests/io/test_edf.py`` or ``test_edf_*.py``."""
    patterns = []
    for module in sorted(modules_with_public_names()):
        *folders, name = module.split(".")[1:]
        patterns.append("/".join([*folders, f"test{name}*.py"]))
    assert [pattern for pattern in patterns if not list(TESTS.glob(pattern))] == []


# ---------------------------------------------------------------- private imports


def imported_modules(source: str):
    """Yield the dotted names that a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            yield start.rstrip(".")
            yield from (f"{start}{alias.name}" for alias in node.names)


def private_imports(source: str):
    """Yield package and name of the private modules that a file imports."""
    for name in imported_modules(source):
        root, package, module, *_ = [*name.split("."), "", ""]
        if root == "sleepkit" and re.match("_[a-z]", module):
            yield package, module


def test_private_modules_are_imported_by_their_own_package():
    offenders = {
        f"{name} imports sleepkit.{package}.{module}"
        for name, source in SOURCES.items()
        for package, module in private_imports(source)
        if name.partition("/")[0] not in {package, *SHARED_INSIDE.get(package, ())}
    }
    assert offenders == set()


# --------------------------------------------------------------------------- sizes


def lines_of(node: ast.AST) -> range:
    return range(node.lineno, node.end_lineno + 1)


def prose(tree: ast.AST):
    """Yield the lines of docstrings and imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from lines_of(node)
        documented = isinstance(node, ast.Module | ast.ClassDef | Function)
        if documented and ast.get_docstring(node) is not None:
            yield from lines_of(node.body[0])


@cache
def code_lines(source: str) -> set[int]:
    """Numbers of the lines that are no docstring, comment, blank or import."""
    empty = {
        tokenize.COMMENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
        tokenize.INDENT,
        tokenize.NEWLINE,
        tokenize.NL,
    }
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in empty
        for line in range(token.start[0], token.end[0] + 1)
    }
    return lines - set(prose(ast.parse(source)))


def stored_parameters(function: Function) -> set[int]:
    """Lines of ``self.name = name``, of which ``__init__`` needs one a parameter."""
    return {
        statement.lineno
        for statement in function.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Name)
        and ast.unparse(statement.targets[0]) == f"self.{statement.value.id}"
    }


def function_sizes(source: str):
    """Yield the name of each function and the lines of code of its body."""
    lines = code_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            body = range(node.body[0].lineno, node.end_lineno + 1)
            yield node.name, len(lines.intersection(body) - stored_parameters(node))


def test_lines_of_code_are_counted():
    """The rule itself, on a file whose code is counted by hand."""
    source = '''"""Prose."""
import os

# A comment.
class Twice:
    """Prose,
    more prose."""

    def __init__(self, x):
        self.x = x
        self.y = (
            2 * x)
'''
    assert code_lines(source) == {5, 9, 10, 11, 12}
    assert dict(function_sizes(source)) == {"__init__": 2}


def test_files_are_short():
    sizes = {name: len(code_lines(source)) for name, source in SOURCES.items()}
    assert {name: n for name, n in sizes.items() if n > MAX_FILE} == {}


def test_functions_are_short():
    sizes = {
        f"{name}: {function}": n
        for name, source in SOURCES.items()
        for function, n in function_sizes(source)
    }
    assert {name: n for name, n in sizes.items() if n > MAX_FUNCTION} == {}
