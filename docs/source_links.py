"""Links from the API pages to the source of a name, where it is published."""

from __future__ import annotations

import inspect
import os
import tomllib
from functools import reduce
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def source_address() -> str | None:
    """Return the address of the source tree, without a slash at its end.

    It is that of the environment variable ``SLEEPKIT_SOURCE``, such as
    ``https://HOST/NAME/blob/v1.0``, or the branch ``main`` of ``Source`` among the
    ``[project.urls]`` of pyproject.toml; None where there is neither.
    """
    given = os.environ.get("SLEEPKIT_SOURCE")
    if given:
        return given.rstrip("/")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    repository = settings["project"].get("urls", {}).get("Source")
    return repository and f"{repository.rstrip('/')}/blob/main"


def link_to_source(domain: str, info: dict[str, str]) -> str | None:
    """Return the address of the lines of a name, as ``linkcode_resolve``."""
    if domain != "py" or not info["module"]:
        return None
    found = reduce(
        lambda owner, name: getattr(owner, name, None),
        info["fullname"].split("."),
        import_module(info["module"]),
    )
    found = found.fget if isinstance(found, property) else inspect.unwrap(found)
    try:
        path = Path(inspect.getsourcefile(found)).resolve()
        lines, first = inspect.getsourcelines(found)
    except (TypeError, OSError):  # a constant or an attribute
        return None
    if not path.is_relative_to(ROOT):  # inherited from another package
        return None
    last = first + len(lines) - 1
    return f"{source_address()}/{path.relative_to(ROOT).as_posix()}#L{first}-L{last}"
