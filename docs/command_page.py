"""The page of the command line, made from the parsers of the commands."""

from __future__ import annotations

import os
from argparse import Action
from pathlib import Path
from textwrap import indent

from sleepkit.cli._parser import EXIT_CODES, CommandParser, fill_commands, make_parser


def write_commands(folder: Path) -> None:
    """Write ``commands.rst``: exit codes, and a section for each command."""
    os.environ["COLUMNS"] = "88"  # so that usage is broken alike on every machine
    lines = ["Commands", "========", "", "The exit code of every command:", ""]
    for code, text in EXIT_CODES.items():
        lines += [f"``{code}``", f"   {text}"]
    for name, parser in fill_commands(make_parser()).items():
        lines += ["", *section(name, parser)]
    (folder / "commands.rst").write_text("\n".join(lines), encoding="utf-8")


def section(name: str, parser: CommandParser) -> list[str]:
    """Title, sentence, usage, arguments and examples of one command."""
    usage = parser.format_usage().replace("\n" + " " * len("usage: "), "\n")
    lines = [name, "-" * len(name), "", parser.description or "", ""]
    lines += [".. code-block:: text", "", indent(usage.removeprefix("usage: "), "   ")]
    for action in parser._actions:
        if action.dest != "help":
            text = parser._get_formatter()._expand_help(action)
            lines += [f"``{invocation(action)}``", f"   {text}", ""]
    return [*lines, ".. code-block:: text", "", indent(parser.epilog or "", "   ")]


def invocation(action: Action) -> str:
    """Write an argument as it is given: its longest name and the form of its value."""
    value = action.metavar or " | ".join(map(str, action.choices or ()))
    name = max(action.option_strings, key=len, default="")
    if action.nargs == 0:
        return name
    more = " ..." if action.nargs == "+" else ""
    return f"{name} {value or action.dest.upper()}{more}".strip()
