"""The nights that a store is filled with, in one file beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sleepkit.exceptions import StoreError
from sleepkit.recording._store import Store
from sleepkit.utils import write_atomically

_INDEX: Final = "index.json"


def write_index(store: Store, recordings: Iterable[Any], *, keep: bool) -> None:
    """Name the sub-folder of each night by its id, before or after it is computed.

    Nights that the index has already stay in it with `keep`, but for other versions of
    the same ones.
    """
    with store.locked(_INDEX):
        known = read_index(store) if keep and has_index(store) else {}
        nights = {r.id: store.place_of(r)[0].name for r in recordings}
        text = json.dumps({"nights": {**known, **nights}}, indent=1)
        write_atomically(Path(store.directory, _INDEX), text.encode())


def has_index(store: Store) -> bool:
    """Whether the nights of a store are listed."""
    return Path(store.directory, _INDEX).is_file()


def read_index(store: Store) -> Mapping[str, str]:
    """Return the sub-folder of each night by its id, in their order."""
    path = Path(store.directory, _INDEX)
    try:
        nights = json.loads(path.read_text(encoding="utf-8"))["nights"]
    except FileNotFoundError as error:
        msg = (
            f"{store.directory} is no store that lists its nights, as "
            "`X.materialize(folder)` and `sleepkit prepare` write it: it has no "
            f"{_INDEX}."
        )
        raise StoreError(msg) from error
    except (OSError, ValueError, KeyError, TypeError):
        nights = None
    if not isinstance(nights, dict) or not all(map(_is_name, nights.values())):
        msg = (
            f"{path} is damaged; remove it and fill the store again, which computes no "
            "finished night anew."
        )
        raise StoreError(msg)
    return nights


def _is_name(name: Any) -> bool:
    """Whether a sub-folder of the store is named, and no other place."""
    return isinstance(name, str) and Path(name).name == name
