"""Every public name is documented, by numpydoc's rules and with its real defaults."""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import tomllib
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate
from skorch.callbacks import Callback

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


def is_never_called(value):
    """Whether a class has parameters that no user passes: an error, a named tuple."""
    protocol = getattr(value, "_is_protocol", False)
    return issubclass(value, Exception | tuple) or protocol


def is_never_made(value):
    """Whether users derive from a class, or receive its objects as results."""
    result = is_dataclass(value) or value.__name__.endswith("Result")
    return result or inspect.isabstract(value) or is_never_called(value)


def is_hook(name):
    """Whether it overrides a hook of skorch's callbacks, which skorch documents."""
    method = name.rpartition(".")[2]
    return method.startswith("on_") and hasattr(Callback, method)


def checks_for(name, value):
    """Leave out what cannot be shown or passed."""
    if is_hook(name):
        return set()
    if not inspect.isclass(value):
        return CHECKS - {"EX01"} if name in MEMBERS else CHECKS
    no_example = {"EX01"} if is_never_made(value) else set()
    no_parameters = {"PR01"} if is_never_called(value) else set()
    return CHECKS - no_example - no_parameters


def test_numpydoc():
    found = [
        f"{name}: {code} {message}"
        for name, value in NAMES.items()
        for code, message in validate(name)["errors"]
        if code in checks_for(name, value)
    ]
    assert not found, "\n".join(["", *found])


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
    never = inspect.isclass(value) and is_never_called(value)
    return not isinstance(value, property) and not never


def test_documented_defaults_are_the_real_ones():
    found = [
        f"{name}: {parameter} : {kind}, but its default is {default!r}"
        for name, value in NAMES.items()
        if is_called(value)
        for parameter, kind, default in drifted_defaults(value)
    ]
    assert not found, "\n".join(["", *found])
