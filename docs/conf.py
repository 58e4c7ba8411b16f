"""Sphinx settings; pages of the API and of the command are made from what they are."""

from __future__ import annotations

import os
from argparse import Action
from importlib import import_module
from pathlib import Path
from textwrap import indent

import sleepkit
from sleepkit.cli._parser import (
    EXIT_CODES,
    CommandParser,
    fill_commands,
    make_parser,
)

HERE = Path(__file__).parent

project = "sleepkit"
author = "sleepkit contributors"
copyright = "2026, sleepkit contributors"  # noqa: A001 (Sphinx names it so)
version = release = sleepkit.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "sleepkit"
html_show_sourcelink = False
default_role = "py:obj"

autodoc_typehints = "none"  # the docstrings state types, shapes and units
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "abort_on_example_error": True,
    "show_memory": False,
}


def package_section(name: str) -> str:
    """Title, sentence and table of the public names of one package."""
    title = f"sleepkit.{name}"
    package = import_module(title)
    lines = [title, "-" * len(title), "", package.__doc__, ""]
    lines += [f".. module:: {title}", ""]
    lines += [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
    lines += [f"   {public}" for public in package.__all__]
    return "\n".join([*lines, ""])


def write_api(*_: object) -> None:
    """Write the API page before Sphinx looks for its sources."""
    page = HERE / "generated" / "index.rst"
    page.parent.mkdir(exist_ok=True)
    sections = map(package_section, sleepkit.__all__)
    page.write_text("\n".join(["API", "===", "", *sections]), encoding="utf-8")


def command_section(name: str, parser: CommandParser) -> str:
    """Title, sentence, usage, arguments and examples of one command."""
    usage = parser.format_usage().replace("\n" + " " * len("usage: "), "\n")
    lines = [name, "-" * len(name), "", parser.description or "", ""]
    lines += [".. code-block:: text", "", indent(usage.removeprefix("usage: "), "   ")]
    for action in parser._actions:
        if action.dest != "help":
            text = parser._get_formatter()._expand_help(action)
            lines += [f"``{invocation(action)}``", f"   {text}", ""]
    lines += [".. code-block:: text", "", indent(parser.epilog or "", "   "), ""]
    return "\n".join(lines)


def invocation(action: Action) -> str:
    """Write an argument as it is given: its longest name and the form of its value."""
    value = action.metavar or " | ".join(map(str, action.choices or ()))
    name = max(action.option_strings, key=len, default="")
    if action.nargs == 0:
        return name
    return (
        f"{name} {value or action.dest.upper()}{' ...' * (action.nargs == '+')}".strip()
    )


def write_commands(*_: object) -> None:
    """Write the page of the command before Sphinx looks for its sources."""
    os.environ["COLUMNS"] = "88"  # so that usage is broken alike on every machine
    page = HERE / "generated" / "commands.rst"
    page.parent.mkdir(exist_ok=True)
    parsers = fill_commands(make_parser())
    lines = ["Commands", "========", "", "The exit code of every command:", ""]
    for code, text in EXIT_CODES.items():
        lines += [f"``{code}``", f"   {text}"]
    sections = [command_section(name, parser) for name, parser in parsers.items()]
    page.write_text("\n".join([*lines, "", *sections]), encoding="utf-8")


def setup(app) -> None:
    """Connect the API page and that of the command to the start of a build."""
    app.connect("config-inited", write_api)
    app.connect("config-inited", write_commands)
