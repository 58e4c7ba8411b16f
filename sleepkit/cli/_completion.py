"""``sleepkit completion``: the script by which a shell completes the command."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from sleepkit import utils
from sleepkit.cli._arguments import model
from sleepkit.cli._parser import fill_commands, make_parser

_SHELLS: Final = ("bash", "fish", "zsh")
EXAMPLE: Final = """\
sleepkit completion bash > ~/.local/share/bash-completion/completions/sleepkit
  sleepkit completion fish > ~/.config/fish/completions/sleepkit.fish
  sleepkit completion zsh > ~/.zfunc/_sleepkit

Without the package bash-completion, ~/.bashrc may `source` the script. zsh needs
`fpath+=~/.zfunc` before `compinit` in ~/.zshrc."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=_SHELLS, help="the shell that reads it")


def run(arguments: Namespace) -> None:
    """Print the script."""
    shtab = utils.optional_import("shtab", extra="completion")
    parser = make_parser()
    for each in [parser, *fill_commands(parser).values()]:
        for action in each._actions:
            if action.type in (Path, model):
                action.complete = shtab.FILE  # type: ignore[attr-defined] # shtab's own
    print(shtab.complete(parser, shell=arguments.shell))
