"""The arguments of all commands: their help, their examples, and the pages of both."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from sleepkit.cli import main
from sleepkit.cli._parser import COMMANDS, EXIT_CODES, fill_commands, make_parser

ROOT = Path(__file__).parents[2]
RESULTS = (
    "demo",
    "info",
    "prepare",
    "train",
    "evaluate",
    "stage",
    "adapt",
    "convert",
    "report",
)


@pytest.fixture(scope="module")
def parser():
    """The parser of the command, with those of all subcommands filled."""
    filled = make_parser()
    fill_commands(filled)
    return filled


def lines_of(text):
    """The command lines in a text, without what stands for other words."""
    known = tuple(f"sleepkit {command} " for command in COMMANDS)
    lines = (f"{line.strip()} " for line in text.splitlines())
    found = [line for line in lines if line.startswith(known)]
    return [re.sub(r"\.\.\.|[\[\]]", " ", line) for line in found]


def parsed(parser, line):
    """The command that a line calls, and what it is given."""
    words = shlex.split(line, comments=True)
    shell = next((i for i, word in enumerate(words) if word in ">|"), len(words))
    return words[1], parser.parse_args(words[1:shell])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_can_be_called(command, parser, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert f"example:\n  sleepkit {command}" in text
    assert "--quiet" in text
    for line in lines_of(text.partition("example:")[2]):
        name, arguments = parsed(parser, line)
        assert arguments.run is import_module(f"sleepkit.cli._{name}").run
    assert "--json" in text or command not in RESULTS


def test_help_lists_commands_and_exit_codes(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {command}\s", text, re.M) for command in COMMANDS)
    assert all(f"  {code:<4} {words}" in text for code, words in EXIT_CODES.items())


def test_command_lines_of_the_guide_can_be_called(parser):
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.rst"))]
    pages = [page for page in pages if "generated" not in page.parts]
    lines = [line for page in pages for line in lines_of(page.read_text("utf-8"))]
    called = [parsed(parser, line.replace("NAME", "shhs"))[0] for line in lines]
    assert {"stage", "train", "convert"} <= set(called)


def test_page_of_the_documentation(tmp_path, monkeypatch):
    spec = spec_from_file_location("command_page", ROOT / "docs" / "command_page.py")
    maker = module_from_spec(spec)
    spec.loader.exec_module(maker)
    monkeypatch.setenv("COLUMNS", "88")  # which the page sets
    maker.write_commands(tmp_path)
    page = (tmp_path / "commands.rst").read_text("utf-8")
    for command in fill_commands(make_parser()).values():
        name = command.prog.split()[-1]
        _, found, section = page.partition(f"\n{name}\n{'-' * len(name)}\n")
        assert found
        for action in command._actions[1:]:
            assert f"\n``{maker.invocation(action)}``\n   " in section
    assert "\n   example:\n     sleepkit convert night.xml night.csv\n" in page
    assert "\n``130``\n   stopped by Ctrl-C\n" in page
