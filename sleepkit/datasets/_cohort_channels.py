"""Channels of a published cohort, by the labels that its files use for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from sleepkit.datasets._night import Channel, check_choice
from sleepkit.exceptions import ChannelError, SleepkitWarning

Form: TypeAlias = str | tuple[str, str]
# By modality, in order of preference: the name of a channel in the literature, and the
# labels, or pairs of labels (first minus second), that mean it in a file. Such labels
# spell one derivation; a night read by another name than the first gets a remark.
ChannelTable: TypeAlias = Mapping[str, Mapping[str, Sequence[Form]]]
CohortChoice: TypeAlias = Mapping[str, Channel | list[Channel]]

_ELECTRODES: Final = ("eeg", "eog", "emg", "ecg")
_MIN_SFREQ: Final = 20.0  # hertz, below which there are trends and envelopes only


@dataclass(frozen=True)
class CohortChannels:
    """Channels to read of each night of a cohort: its preferences, and the user's."""

    table: ChannelTable
    modalities: tuple[str, ...]
    named: CohortChoice

    @classmethod
    def checked(
        cls,
        table: ChannelTable,
        modalities: str | Sequence[str],
        channels: CohortChoice | None,
        *,
        owner: str,
    ) -> Self:
        """Require modalities that the cohort has, or that `channels` names."""
        names, named = check_choice(modalities, channels, owner=owner)
        unknown = [name for name in names if name not in table and name not in named]
        if unknown:
            msg = (
                f"The 'modalities' parameter of {owner} must be of {', '.join(table)}, "
                f"or have a channel in 'channels'. Got {', '.join(unknown)} instead."
            )
            raise ValueError(msg)
        return cls(table, tuple(names), named)

    def choose(
        self, available: Mapping[str, float], source: str
    ) -> dict[str, list[Channel]]:
        """Choose labels of a file, whose channels have the rates `available`.

        Channels that the user names are returned as they are where the file has no
        label for them, so that reading it names what is missing.
        """
        labels = {_fold(label): label for label in reversed(list(available))}
        chosen: dict[str, list[Channel]] = {}
        for modality in self.modalities:
            if modality in self.named:
                item = self.named[modality]
                items = item if isinstance(item, list) else [item]
                chosen[modality] = [self._translate(one, labels) for one in items]
                continue
            names = self.table[modality]
            found = {n: form for n in names if (form := _find(names[n], labels))}
            usable = [n for n in found if _is_fast(found[n], modality, available)]
            first = next(iter(names))
            if usable:
                chosen[modality] = [found[usable[0]]]
                msg = f"{modality}: {usable[0]} in place of {first}."
            else:
                absence = f"none of {', '.join(names)}"
                if found:
                    slow = next(iter(found.values()))
                    absence = f"{slow!r} is slow, an envelope or a trend"
                msg = f"{source} has no {modality}: {absence}."
            if usable[:1] != [first]:
                warnings.warn(msg, SleepkitWarning, stacklevel=2)
        if not chosen:
            msg = f"{source} has none of {', '.join(self.modalities)}."
            raise ChannelError(msg)
        return chosen

    def _translate(self, item: Channel, labels: Mapping[str, str]) -> Channel:
        """Labels that a file has for a channel that the user names."""
        if isinstance(item, tuple):
            first, second = (self._translate(part, labels) for part in item)
            is_simple = isinstance(first, str) and isinstance(second, str)
            return (first, second) if is_simple else item  # type: ignore[return-value]
        if isinstance(item, str) and _fold(item) not in labels:
            for names in self.table.values():
                for name, forms in names.items():
                    if _fold(name) == _fold(item):
                        return _find(forms, labels) or item
        return item


def _find(forms: Iterable[Form], labels: Mapping[str, str]) -> Form | None:
    """Label of the file, or pair of labels, that is the first form it has."""
    for form in forms:
        if isinstance(form, str):
            if _fold(form) in labels:
                return labels[_fold(form)]
        elif all(_fold(part) in labels for part in form):
            return labels[_fold(form[0])], labels[_fold(form[1])]
    return None


def _is_fast(form: Form, modality: str, available: Mapping[str, float]) -> bool:
    """Whether a channel is a signal, and not the envelope of one."""
    parts = (form,) if isinstance(form, str) else form
    slowest = min(available[part] for part in parts)
    return modality not in _ELECTRODES or slowest >= _MIN_SFREQ


def _fold(label: str) -> str:
    """Label without case and spaces."""
    return "".join(label.split()).casefold()
