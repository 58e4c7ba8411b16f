"""Where things are: the public lists, the mirrored tests, the size of a file."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import sleepkit

PACKAGE = Path(sleepkit.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = sorted(
    module.name
    for module in pkgutil.iter_modules(sleepkit.__path__)
    if not module.name.startswith("_") and module.name != "cli"
)


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def modules_with_public_names() -> set[str]:
    """Dotted names of the private modules where the public names are defined."""
    modules = (import_module(f"sleepkit.{package}") for package in PUBLIC)
    values = (getattr(module, name) for module in modules for name in module.__all__)
    names = {getattr(value, "__module__", "") for value in values}
    return {name for name in names if name.startswith("sleepkit.") and "._" in name}


def test_every_public_package_is_listed():
    assert sleepkit.__all__ == PUBLIC


@pytest.mark.parametrize("package", PUBLIC)
def test_public_list_is_real(package):
    module = import_module(f"sleepkit.{package}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("module", sorted(modules_with_public_names()))
def test_module_has_its_tests(module):
    *folders, name = module.split(".")[1:]
    pattern = "/".join([*folders, f"test{name}*.py"])
    assert list(TESTS.glob(pattern)), f"{module} needs tests/{pattern}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
