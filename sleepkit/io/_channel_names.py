"""Known channel labels: the table in ``channels.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple


class ChannelNames(NamedTuple):
    """Table of known labels, all folded as by `fold`."""

    modality: Mapping[str, str]
    min_sfreq: Mapping[str, float]
    families: tuple[tuple[frozenset[str], Mapping[str, str]], ...]
    electrodes: frozenset[str]


def fold(label: str) -> str:
    """Label without case and spaces, for comparisons."""
    return "".join(label.split()).casefold()


@cache
def channel_names() -> ChannelNames:
    """Read the table, once per process."""
    text = files("sleepkit.io").joinpath("channels.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    modalities = table["modality"]
    return ChannelNames(
        modality={
            fold(label): name
            for name, entry in modalities.items()
            for label in _labels(entry, table["separators"])
        },
        min_sfreq={name: e.get("min_sfreq", 0) for name, e in modalities.items()},
        families=tuple(map(_family, table["family"])),
        electrodes=frozenset(map(fold, modalities["eeg"]["electrodes"])),
    )


def recognise(label: str, sfreq: float, present: Iterable[str] = ()) -> str | None:
    """Modality of a channel; None if its label is unknown or its rate too low.

    `present` holds all labels of the file, which families of labels depend on.
    """
    table = channel_names()
    folded = fold(label)
    all_labels = frozenset(map(fold, present))
    modality = table.modality.get(folded)
    for required, labels in table.families:
        if required <= all_labels:
            modality = labels.get(folded, modality)
    if modality is None or not sfreq or sfreq < table.min_sfreq[modality]:
        return None
    return modality


def rank(label: str) -> int:
    """Position of a label in the table, left before right; unknown labels last."""
    known = tuple(channel_names().modality)
    folded = fold(label)
    return known.index(folded) if folded in known else len(known)


def modalities() -> tuple[str, ...]:
    """Modalities with known labels, the most used first."""
    return tuple(channel_names().min_sfreq)


def is_electrode(label: str) -> bool:
    """Whether the label is a bare electrode of the 10-20 system, such as C3."""
    return fold(label) in channel_names().electrodes


def _labels(entry: Mapping[str, Any], separators: Iterable[str]) -> list[str]:
    """All labels of one modality: prefixes before single names and pairs."""
    pairs = product(
        entry.get("electrodes", ()), separators, entry.get("references", ())
    )
    bodies = [*entry["labels"], *map("".join, pairs)]
    return [prefix + body for prefix in entry.get("prefixes", [""]) for body in bodies]


def _family(entry: Mapping[str, Any]) -> tuple[frozenset[str], Mapping[str, str]]:
    """Labels that a family requires, and the modality of each of its labels."""
    labels = {
        fold(label): name
        for name, names in entry.items()
        if name != "requires"
        for label in names
    }
    return frozenset(map(fold, entry["requires"])), labels
