"""What may come of a hostile file: a result, or an error of the package."""

from __future__ import annotations

import time
import tracemalloc
import warnings

from sleepkit.exceptions import SleepkitError, SleepkitWarning

MAX_BYTES = 2**29  # of memory, beside that of the file
MAX_SECONDS = 10
MAX_MESSAGE = 1000


def fault(read, path):
    """What is wrong with the outcome of reading a file, None if nothing is."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    begun = time.process_time()
    found = _raised(read, path)
    seconds = time.process_time() - begun
    size = tracemalloc.get_traced_memory()[1] - before
    if found is None and seconds > MAX_SECONDS:
        found = f"it takes {seconds:.0f} s"
    if found is None and size > MAX_BYTES + 100 * path.stat().st_size:
        found = f"it takes {size:,} bytes"
    return found


def _raised(read, path):
    """What is wrong with the error that reading a file raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SleepkitWarning)
        try:
            read(path)
        except SleepkitError as error:
            message = str(error)
            if len(message) > MAX_MESSAGE:
                return f"a message of {len(message)} characters"
            if not message.replace("\n", "").replace("\t", "").isprintable():
                return f"a message with control characters: {message!r}"
        except OSError as error:
            if not error.filename:
                return f"{error!r} without a name"
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            return f"{type(error).__name__}: {error}"
    return None


def faults(read, mutants):
    """Number and fault of each mutant, of those that have one."""
    tracemalloc.start()
    try:
        found = {}
        for number, (place, content) in enumerate(mutants):
            place.write_bytes(content)
            problem = fault(read, place)
            if problem is not None:
                found[number] = problem
        return found
    finally:
        tracemalloc.stop()
