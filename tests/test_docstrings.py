"""Every public name is documented, by numpydoc's rules and with its real defaults."""

from __future__ import annotations

import inspect
import pkgutil
import tomllib
from dataclasses import MISSING, is_dataclass
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
            default = member in getattr(parent, "__dataclass_fields__", ())
            if mine and not default and not member.startswith("_"):
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
    """Evaluate ``default=...`` of the type line where the value's module stands."""
    text = kind.rpartition("default=")[2]
    try:
        return eval(text, dict(vars(inspect.getmodule(value))))
    except (NameError, SyntaxError):
        return text


def real_defaults(value):
    """Yield the parameters that have a default, and its value."""
    fields = getattr(value, "__dataclass_fields__", {})
    for name, parameter in inspect.signature(value).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            factory = getattr(fields.get(name), "default_factory", MISSING)
            yield name, parameter.default if factory is MISSING else factory()


def is_private(default):
    """Whether a default is a private function, which words have to describe."""
    return inspect.isfunction(default) and default.__name__.startswith("_")


def drifted_defaults(value):
    """Yield name, documented type and real default wherever they differ."""
    kinds = {p.name: p.type for p in get_doc_object(value)["Parameters"]}
    for name, default in real_defaults(value):
        kind = kinds.get(name, "Ignored")
        if kind == "Ignored" or ("default=" in kind and is_private(default)):
            continue
        same = documented_default(kind, value) in (default, repr(default))
        if "default=" not in kind or not same:
            yield name, kind, default


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
