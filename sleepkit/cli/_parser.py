"""The command and its subcommands, as argparse knows them."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter

import sleepkit
from sleepkit.cli import _demo, _evaluate, _info, _stage, _train

_COMMANDS = {
    "demo": _demo,
    "info": _info,
    "train": _train,
    "evaluate": _evaluate,
    "stage": _stage,
}


def make_parser() -> ArgumentParser:
    """Put the subcommands together."""
    parser = ArgumentParser(
        prog="sleepkit",
        description="Sleep staging: nights in, hypnograms out.",
        epilog="sleepkit COMMAND --help shows an example of each command.",
    )
    version = f"sleepkit {sleepkit.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}.",
            epilog=f"example:\n  {module.EXAMPLE}\n",
            formatter_class=RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
