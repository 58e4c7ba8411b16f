"""Every public name is documented, by numpydoc's rules and with its real defaults."""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

import sleepkit

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
CHECKS = set(
    tomllib.loads(PYPROJECT.read_text())["tool"]["numpydoc_validation"]["checks"]
)
DESCRIPTORS = (classmethod, property, staticmethod)


def public_objects():
    """Yield the dotted name and the object of every public class and function."""
    for info in pkgutil.iter_modules(sleepkit.__path__, "sleepkit."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{info.name}.{name}", value


def public_members(name, value):
    """Yield name and object of the methods and properties that sleepkit wrote."""
    for parent in inspect.getmro(value):
        if not parent.__module__.startswith("sleepkit"):
            continue
        for member, thing in vars(parent).items():
            mine = isinstance(thing, DESCRIPTORS) or inspect.isfunction(thing)
            if mine and not member.startswith("_"):
                yield f"{name}.{member}", getattr(value, member)


OBJECTS = dict(public_objects())
MEMBERS = dict(
    member
    for name, value in OBJECTS.items()
    if inspect.isclass(value)
    for member in public_members(name, value)
)
NAMES = OBJECTS | MEMBERS


def is_met_only(value):
    """Whether a class is met, not called: an error, a named tuple or a protocol."""
    kinds = (Exception, tuple)
    protocol = getattr(value, "_is_protocol", False)
    return inspect.isclass(value) and (issubclass(value, kinds) or protocol)


def checks_for(name):
    """Leave out what a member, or a class that nobody calls, does not need."""
    if is_met_only(NAMES[name]):
        return CHECKS - {"EX01", "PR01"}
    return CHECKS - {"EX01"} if name in MEMBERS else CHECKS


@pytest.mark.parametrize("name", NAMES)
def test_numpydoc(name):
    wanted = checks_for(name)
    found = [error for error in validate(name)["errors"] if error[0] in wanted]
    assert found == []


def documented_default(kind, value):
    """Read ``default=...`` from the type line: a literal, or a name of the module."""
    text = kind.rpartition("default=")[2]
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        module = inspect.getmodule(value)
        return getattr(module, text, getattr(builtins, text, text))


def drifted_defaults(value):
    """Yield name, documented type and real default wherever they differ."""
    kinds = {p.name: p.type for p in get_doc_object(value)["Parameters"]}
    for parameter in inspect.signature(value).parameters.values():
        kind = kinds.get(parameter.name, "Ignored")
        if parameter.default is inspect.Parameter.empty or kind == "Ignored":
            continue
        if "default=" not in kind or documented_default(kind, value) not in (
            parameter.default,
            repr(parameter.default),
        ):
            yield parameter.name, kind, parameter.default


def is_called(value):
    return not isinstance(value, property) and not is_met_only(value)


@pytest.mark.parametrize("name", [n for n in NAMES if is_called(NAMES[n])])
def test_documented_defaults_are_the_real_ones(name):
    assert list(drifted_defaults(NAMES[name])) == []
