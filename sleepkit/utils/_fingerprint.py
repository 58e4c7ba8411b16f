"""Fingerprints of code, for cache keys and fold identities."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_LIBRARY: Final = Path(__file__).parents[1]
_SUFFIXES: Final = {".py", ".toml"}
_COMPUTES_NOTHING: Final = {"cli", "plotting", "report"}
NIGHT_PACKAGES: Final = ("io", "preprocessing", "recording", "signal", "utils")
"""Subpackages that the signals of a recording depend on."""
_SESSION: Final = uuid.uuid4().hex  # stands for code that no other session can compare
_STARTED: Final = time.time()
# Python 3.11's parser, which finds the code of a class, fails in two threads at once.
_PARSER_LOCK: Final = threading.Lock()


@cache
def hash_name(name: str) -> str:
    """Replace the name of a subject or a file; a guess of it can be verified.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        Sixteen hexadecimal digits.

    Examples
    --------
    >>> from sleepkit.utils import hash_name
    >>> hash_name("SC400")
    'f438e60b5c2459cc'
    """
    return hashlib.sha256(str(name).encode()).hexdigest()[:16]


def library_digest(*packages: str) -> str:
    """Digest of sleepkit's own source files, for cache keys.

    The version number alone does not do: it stays the same between two commits.

    Parameters
    ----------
    *packages : str
        Subpackages, such as ``"signal"``; the top-level files always count. None
        given means all that compute anything (all but the command line and plotting).

    Returns
    -------
    str
        Hexadecimal digits that change with any byte of these files.

    Examples
    --------
    >>> from sleepkit.utils import library_digest
    >>> library_digest("signal") == library_digest("signal", "recording")
    False
    """
    digest = hashlib.sha256()
    for path in sorted(_LIBRARY.rglob("*")):
        place = path.relative_to(_LIBRARY)
        package = place.parts[0] if len(place.parts) > 1 else None
        used = package in packages if packages else package not in _COMPUTES_NOTHING
        if path.suffix in _SUFFIXES and (used or package is None):
            content = path.read_bytes()
            digest.update(f"{place.as_posix()} {len(content)} ".encode() + content)
            if path.stat().st_mtime > _STARTED:  # not what this process has imported
                digest.update(_SESSION.encode())
    return digest.hexdigest()[:16]


@cache
def versions(*distributions: str, packages: tuple[str, ...] = ()) -> dict[str, str]:
    """Versions of the code that a result depends on, for cache keys.

    Parameters
    ----------
    *distributions : str
        Installed distributions, such as ``"numpy"``.
    packages : tuple of str, default=()
        Subpackages of sleepkit (see `library_digest`); none means all.

    Returns
    -------
    dict of str to str
        Version of sleepkit, the digest of its code, and versions of the distributions.
        The same dict comes at every call: copy it before a change.

    Examples
    --------
    >>> from sleepkit.utils import versions
    >>> sorted(versions("numpy", "scipy"))
    ['numpy', 'scipy', 'sleepkit', 'sleepkit code']
    """
    from sleepkit import __version__

    own = {"sleepkit": __version__, "sleepkit code": library_digest(*packages)}
    return own | {name: version(name) for name in distributions}


def hash_code(value: Any) -> str:
    """Digest of the code of all classes and functions in a value.

    Parameters
    ----------
    value : object
        A function, a class or an instance, with all that its parameters or fields hold;
        or a sequence or mapping of these.

    Returns
    -------
    str
        Hexadecimal digits that change with the source code. Of a class, everything
        that it inherits counts, and the files of all these, unless they are a script or
        notebook. Of sleepkit's own classes and functions, their whole package counts,
        or the whole library where it is none of `NIGHT_PACKAGES`. What a foreign
        function calls does not count, nor what a method calls from another file.

    Examples
    --------
    >>> from sleepkit.utils import check_count, check_positive, hash_code
    >>> hash_code(check_count) == hash_code(check_count)
    True
    >>> hash_code([print]) == hash_code([len])
    False
    """
    parts = {
        _identity(part)
        for definition in _definitions(value)
        for part in _with_bases(definition)
    }
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def package_versions(value: Any) -> dict[str, str]:
    """Collect the versions of the packages that a value is made of.

    Parameters
    ----------
    value : object
        A function, a class, an instance, or a sequence or mapping of these.

    Returns
    -------
    dict of str to str
        ``__version__`` of each top-level package that has one, sorted by name.

    Examples
    --------
    >>> import numpy
    >>> from sleepkit.utils import package_versions
    >>> package_versions([numpy.mean]) == {"numpy": numpy.__version__}
    True
    """
    names = sorted({_package(definition) for definition in _definitions(value)})
    found = {n: getattr(sys.modules.get(n), "__version__", None) for n in names}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _definitions(value: Any) -> Iterator[Any]:
    """Find the classes and functions in a value and in its parameters."""
    if inspect.isroutine(value):
        yield inspect.unwrap(getattr(value, "__func__", value))
    elif inspect.isclass(value):
        yield value
    else:
        yield type(value)
        for part in _parts(value):
            yield from _definitions(part)


def _parts(value: Any) -> Iterable[Any]:
    """Return what an instance holds in a documented way."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if hasattr(value, "get_params"):
        return list(value.get_params(deep=False).values())
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return []


def _with_bases(definition: Any) -> tuple[Any, ...]:
    """Return a function alone, a class with everything that it inherits."""
    if _package(definition) == _LIBRARY.name or not inspect.isclass(definition):
        return (definition,)
    return definition.__mro__


def _package(definition: Any) -> str:
    """Top-level package of a definition."""
    return (definition.__module__ or "builtins").partition(".")[0]


@cache
def _identity(definition: Any) -> str:
    """Name of a class or function, with its source, digest or version."""
    name = f"{definition.__module__}.{definition.__qualname__}"
    package = _package(definition)
    if package == _LIBRARY.name:
        subpackage = [*definition.__module__.split("."), ""][1]
        whole = subpackage not in NIGHT_PACKAGES
        return f"{name} {library_digest() if whole else library_digest(subpackage)}"
    if getattr(definition, "__closure__", None):
        return f"{name} {_SESSION}"  # what it closes over cannot be compared
    source = _read_source(definition)
    if source is not None:
        return f"{name} {source}"
    if package in sys.stdlib_module_names and not inspect.isfunction(definition):
        return name
    # Compiled code has the version of its package; code that was typed has none.
    return f"{name} {getattr(sys.modules.get(package), '__version__', _SESSION)}"


def _read_source(definition: Any) -> str | None:
    """Source code of a function, or of a class with its file; None if unreadable.

    A class is made of others in its file. What else a script or notebook holds is not
    part of it.
    """
    module = sys.modules.get(definition.__module__)
    with _PARSER_LOCK:
        try:
            source = inspect.getsource(definition)
            if inspect.isclass(definition) and definition.__module__ != "__main__":
                source = inspect.getsource(module or definition)
        except (OSError, TypeError):
            return None
    return source
