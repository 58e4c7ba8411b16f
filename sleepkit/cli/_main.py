"""From the arguments of the command to its exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final

from sleepkit import utils
from sleepkit.cli._messages import describe, drop_note, print_note
from sleepkit.cli._parser import make_parser
from sleepkit.cli._signals import signals_as_interrupts
from sleepkit.exceptions import SleepkitWarning

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
        night of many, and 130 after an interrupt; see `EXIT_CODES`. Wrong arguments end
        the process with 2, as argparse does.

    Examples
    --------
    >>> from sleepkit.cli import main
    >>> main(["info", "no-such-night.edf"])
    1
    """
    _prepare_output()
    arguments = make_parser().parse_args(argv)
    quiet = arguments.quiet
    no_bars = utils.hide_progress(hidden=quiet or not sys.stderr.isatty())
    with warnings.catch_warnings(), signals_as_interrupts(), no_bars:
        warnings.simplefilter("always", SleepkitWarning)
        warnings.showwarning = drop_note if quiet else print_note
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
