"""The commands, and the parser of each, which is filled when it is used."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter, _SubParsersAction
from importlib import import_module
from typing import Any, Final

import sleepkit

# Each is a module of this package, imported when it is called: ``add_arguments`` fills
# its parser, ``run`` does the work and may return that a night failed, and ``EXAMPLE``
# ends its help. No module of this package imports numpy or anything as large before
# ``run``, so that help and wrong arguments take no time.
COMMANDS: Final = {
    "demo": "the whole job on simulated nights, in some minutes",
    "info": "show what is in recordings: what would be used, what not, and why",
    "prepare": "compute a cohort once, into a store that train and evaluate take",
    "train": "train a stager on scored nights, a folder or a store",
    "evaluate": "score a model on scored nights, a folder or a store",
    "stage": "write the hypnograms of nights",
    "report": "write the reports of nights that have stages already",
    "adapt": "continue the training of a model on a folder of scored nights",
    "convert": "write a hypnogram in another format",
    "export": "write a model as an ONNX file, for other programs and devices",
    "card": "show what a model is, was trained on, needs and reaches",
    "pretrain": "train the stagers that come with sleepkit",
    "completion": "print the completion script of a shell",
}
EXIT_CODES: Final = {
    0: "all went well",
    1: "files or data were not as they should be, even of one night of many",
    2: "wrong arguments",
    129: "stopped by SIGHUP, as of a lost terminal",
    130: "stopped by Ctrl-C",
    143: "stopped by SIGTERM, as of a scheduler",
}


class CommandParser(ArgumentParser):
    """Parser of one subcommand, which gets its arguments when it is used."""

    def __init__(self, *, module: str, **options: Any) -> None:
        super().__init__(formatter_class=RawDescriptionHelpFormatter, **options)
        self._module = module
        self._is_filled = False

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Import the command, then parse."""
        self.fill()
        return super().parse_known_args(*args, **kwargs)

    def fill(self) -> None:
        """Import the command, and add its arguments and those of every command."""
        if self._is_filled:
            return
        self._is_filled = True
        command = import_module(self._module)
        self.epilog = f"example:\n  {command.EXAMPLE}\n"
        self.set_defaults(run=command.run)
        command.add_arguments(self)
        self.add_argument(
            "--quiet",
            action="store_true",
            help="print no progress bars and no notes on standard error, only errors",
        )


def make_parser() -> ArgumentParser:
    """Parser of the command; those of the subcommands are filled when they are used."""
    codes = "\n".join(f"  {code:<4} {text}" for code, text in EXIT_CODES.items())
    parser = ArgumentParser(
        prog="sleepkit",
        description="Sleep staging: nights in, hypnograms out.",
        epilog="sleepkit COMMAND --help shows an example of each command.\n\n"
        f"exit codes:\n{codes}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    version = f"sleepkit {sleepkit.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            module=f"sleepkit.cli._{name}",
        )
    return parser


def fill_commands(parser: ArgumentParser) -> dict[str, CommandParser]:
    """Fill the parsers of all subcommands, and return them by name."""
    (commands,) = (a for a in parser._actions if isinstance(a, _SubParsersAction))
    for command in commands.choices.values():
        command.fill()
    return dict(commands.choices)
