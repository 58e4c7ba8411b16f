"""From the arguments of the command to its exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final

import sleepkit
from sleepkit.cli._messages import describe, print_note
from sleepkit.cli._signals import signals_as_interrupts
from sleepkit.exceptions import SleepkitWarning

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
    "card": "show what a model is, was trained on, needs and reaches",
    "pretrain": "train the stagers that come with sleepkit",
}
_FAILED: Final = 1
_SIGNALLED: Final = 128  # shells add the number of the signal that ended a program


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``sleepkit``.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    int
        0 if all went well, 1 if files or data were not as they should be, even of one
        night of many, and 130 after an interrupt. Wrong arguments end the process with
        2, as argparse does.

    Examples
    --------
    >>> from sleepkit.cli import main
    >>> main(["info", "no-such-night.edf"])
    1
    """
    _prepare_output()
    arguments = _make_parser().parse_args(argv)
    with warnings.catch_warnings(), signals_as_interrupts():
        warnings.simplefilter("always", SleepkitWarning)
        warnings.showwarning = print_note
        try:
            failed = arguments.run(arguments)
            sys.stdout.flush()
            if argv is None:  # the process ends: no search of all modules for garbage
                gc.freeze()
        except BrokenPipeError:  # whoever read the output has seen enough
            _drop_output()
            return _FAILED
        except Exception as error:  # noqa: BLE001 - users have no use for lines of code
            print(f"sleepkit: {describe(error)}", file=sys.stderr)
            _drop_output()
            return _FAILED
        except KeyboardInterrupt as stop:
            notes = getattr(stop, "__notes__", [])
            print(" ".join(["sleepkit: stopped.", *notes]), file=sys.stderr)
            return _SIGNALLED + (stop.args[0] if stop.args else signal.SIGINT)
    return _FAILED if failed else 0


def _prepare_output() -> None:
    """Make the output take any text, also where it is closed or takes ASCII only."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Drop output that cannot be written, which Python would try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _CommandParser(ArgumentParser):
    """Parser of one subcommand, which gets its arguments when it is used."""

    def __init__(self, *, module: str, **options: Any) -> None:
        super().__init__(formatter_class=RawDescriptionHelpFormatter, **options)
        self._module = module

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Import the command, then parse."""
        command = import_module(self._module)
        self.epilog = f"example:\n  {command.EXAMPLE}\n"
        self.set_defaults(run=command.run)
        command.add_arguments(self)
        return super().parse_known_args(*args, **kwargs)


def _make_parser() -> ArgumentParser:
    """Parser of the command; those of the subcommands are filled when they are used."""
    parser = ArgumentParser(
        prog="sleepkit",
        description="Sleep staging: nights in, hypnograms out.",
        epilog="sleepkit COMMAND --help shows an example of each command.",
    )
    version = f"sleepkit {sleepkit.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=_CommandParser
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            module=f"sleepkit.cli._{name}",
        )
    return parser
