"""From the arguments of the command to its exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Final

from sleepkit.cli._parser import make_parser
from sleepkit.exceptions import SleepkitError, SleepkitWarning

_FAILED: Final = 1
_INTERRUPTED: Final = 130  # what shells give a program that Ctrl-C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``sleepkit``.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    int
        0 if all went well, 1 if files or data were not as they should be. Wrong
        arguments end the process with 2, as argparse does.

    Examples
    --------
    >>> from sleepkit.cli import main
    >>> main(["info", "no-such-night.edf"])
    1
    """
    arguments = make_parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.simplefilter("always", SleepkitWarning)
        warnings.showwarning = _show_warning
        try:
            arguments.run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read the output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _FAILED
        except (SleepkitError, OSError) as error:
            print(f"sleepkit: {_one_line(error)}", file=sys.stderr)
            return _FAILED
        except KeyboardInterrupt as stop:
            notes = getattr(stop, "__notes__", [])
            print(" ".join(["sleepkit: stopped.", *notes]), file=sys.stderr)
            return _INTERRUPTED
    return 0


def _one_line(error: Exception) -> str:
    """Say what went wrong, without line breaks."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split())


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Show a warning as a note to the user, who has no use for a line of code."""
    print(f"note: {message}", file=sys.stderr)
