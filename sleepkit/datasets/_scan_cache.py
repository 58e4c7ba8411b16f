"""Rows of earlier scans, which hold while sizes and time stamps are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

from sleepkit.datasets._cohort import CohortNight
from sleepkit.utils import library_digest, write_atomically

_FILE: Final = "sleepkit-scans.json"
_PACKAGES: Final = ("datasets", "hypnogram", "io", "recording")  # that read headers


class ScanCache:
    """Rows of one recipe of scanning, in a file that holds those of all."""

    def __init__(self, folder: str | PathLike[str] | None, recipe: str) -> None:
        self._path = None if folder is None else Path(folder, _FILE)
        self._code = library_digest(*_PACKAGES)
        self._key = hashlib.sha256(recipe.encode()).hexdigest()
        self._rows: dict[str, Any] = self._load().get(self._key, {})

    def find(self, night: CohortNight) -> list[Any] | None:
        """Row of a night whose files are as they were, None if there is none."""
        if not self._rows:
            return None
        state, row = self._rows.get(str(night.signals), (None, None))
        return row if state == _state(night) else None

    def write(
        self, nights: Sequence[CohortNight], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Keep the rows of all nights, in place of those of the same recipe.

        Those of nights with a file that cannot be opened, as a broken link, are not.
        """
        if self._path is None:
            return
        kept = {
            str(night.signals): (state, list(row))
            for night, row in zip(nights, rows, strict=True)
            if (state := _state(night)) is not None
        }
        scans = self._load() | {self._key: kept}
        content = json.dumps({"code": self._code, "scans": scans})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, content.encode())

    def _load(self) -> dict[str, Any]:
        """Rows by recipe; none of a file that is absent, damaged or of other code."""
        if self._path is None:
            return {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            scans: dict[str, Any] = content["scans"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return scans if content["code"] == self._code else {}


def _state(night: CohortNight) -> list[Any] | None:
    """All that the row of a night depends on, as JSON returns it; None if unknown."""
    header = night.signals.with_suffix(".hea")  # of a record of WFDB
    headers = [header] if header.exists() else []
    try:
        files = [
            [str(path), status.st_size, status.st_mtime_ns]
            for path in (night.signals, *night.labels, *headers)
            for status in [path.stat()]
        ]
    except OSError:
        return None
    return [night.id, night.problem, files]
