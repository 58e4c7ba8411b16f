"""Errors and warnings as lines for the user, who has no use for lines of code."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import Any

from sleepkit._messages import one_line, shortened
from sleepkit.exceptions import SleepkitError, SleepkitWarning


def describe(error: BaseException) -> str:
    """Text of an error in one line; that of a bug begins with its type and place."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return shortened(f"{error.filename}: {error.strerror}.")
    text = one_line(error)
    if isinstance(error, MemoryError):
        text = f"There is not enough memory. {text}".rstrip()
    elif not isinstance(error, SleepkitError | OSError) and not _lacks_extra(error):
        text = f"unexpected {type(error).__name__}{_where(error)}: {text}"
    return shortened(text)


def _lacks_extra(error: BaseException) -> bool:
    """Whether an optional package is missing, as `optional_import` says in words."""
    return type(error) is ImportError and isinstance(
        error.__cause__, ModuleNotFoundError
    )


def _where(error: BaseException) -> str:
    """Place of the last line of sleepkit that an error came through."""
    lines = walk_tb(error.__traceback__)
    own = [
        f" in {frame.f_globals['__name__']}, line {line}"
        for frame, line in lines
        if str(frame.f_globals.get("__name__")).startswith("sleepkit.")
    ]
    return own[-1] if own else ""


def place(error: str, path: Path) -> str:
    """Error with the path of its file, which most errors name already."""
    return error if str(path) in error else f"{path}: {error}"


def print_note(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a note; it can stand for `warnings.showwarning`."""
    print(f"note: {message}", file=sys.stderr)


def drop_note(*_: Any, **__: Any) -> None:
    """Print nothing; it can stand for `warnings.showwarning`."""


def print_failures(errors: Mapping[Path, str], n_nights: int) -> bool:
    """Print the error of each night that failed; return whether one did."""
    for path, error in errors.items():
        print(f"sleepkit: {place(error, path)}", file=sys.stderr)
    if errors and n_nights > 1:
        print(f"sleepkit: {len(errors)} of {n_nights} nights failed.", file=sys.stderr)
    return bool(errors)


@contextmanager
def collect_notes() -> Iterator[list[str]]:
    """Collect the warnings of sleepkit, each once, instead of showing them."""
    collected: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", SleepkitWarning)
        show = warnings.showwarning

        def collect(message: Any, category: Any, *where: Any, **more: Any) -> None:
            text = one_line(message)
            if not issubclass(category, SleepkitWarning):
                show(message, category, *where, **more)
            elif text not in collected:
                collected.append(text)

        warnings.showwarning = collect
        yield collected
