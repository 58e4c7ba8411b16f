"""Whether a stager needs all of its modalities."""

from __future__ import annotations

from typing import Any


def takes_any_subset(stager: Any) -> bool:
    """Whether a stager predicts from any subset of its modalities."""
    classifier = stager[-1] if hasattr(stager, "named_steps") else stager
    return bool(getattr(classifier, "any_subset", True))
