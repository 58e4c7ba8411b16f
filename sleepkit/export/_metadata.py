"""What an ONNX file of sleepkit says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_PREFIX: Final = "sleepkit."


def to_metadata(about: Mapping[str, Any]) -> dict[str, str]:
    """Metadata of a file, of facts as JSON values."""
    return {f"{_PREFIX}{name}": json.dumps(value) for name, value in about.items()}


def read_about(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Facts about a file from its metadata."""
    return {
        name.removeprefix(_PREFIX): json.loads(value)
        for name, value in metadata.items()
        if name.startswith(_PREFIX)
    }
