"""Other people's estimators, in the format of skops."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._trust import check_trees, trusted_types


def dump_foreign(estimator: Any) -> dict[str, bytes]:
    """Take an estimator apart: plain arrays, and a description."""
    content = _skops().dumps(estimator)
    _check_types(content)
    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def load_foreign(members: Mapping[str, bytes]) -> Any:
    """Build an estimator out of types that are known to be harmless."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    content = buffer.getvalue()
    _check_types(content)
    estimator = _skops().loads(content, trusted=trusted_types())
    check_trees(estimator)
    return estimator


def _check_types(content: bytes) -> None:
    """Name the types that are not known to be harmless."""
    found = {*_skops().get_untrusted_types(data=content)} - {*trusted_types()}
    if found:
        msg = f"it holds {', '.join(sorted(found))}, which no model file may hold."
        raise ModelFileError(msg)


def _skops() -> Any:
    """Import skops when it is needed: it imports all of scikit-learn, and torch."""
    return import_module("skops.io")
