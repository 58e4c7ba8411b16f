"""Modality and reference of each channel of a file, from all of its labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from sleepkit.io._channel_names import (
    ChannelName,
    family_modalities,
    fold,
    parse_label,
    vocabulary,
)
from sleepkit.io._units import is_no_voltage

_WITH_ELECTRODES: Final = ("eeg", "eog", "emg")  # whose electrodes need a reference


class Heading(NamedTuple):
    """What the header of a file says of a channel."""

    label: str
    sfreq: float
    unit: str
    is_damaged: bool = False


class Meaning(NamedTuple):
    """Modality of a channel, with the position of the channel to subtract from it.

    Without a modality, `candidate` is that which the label may mean, and `note` says
    why it is not read as such.
    """

    modality: str | None = None
    minus: int | None = None
    candidate: str | None = None
    note: str = ""


def recognise(
    headings: Sequence[Heading], *, is_referenced: bool = False
) -> list[Meaning]:
    """Recognise each channel of a file.

    With `is_referenced`, electrodes are known to be so, whatever their labels say.
    """
    names = _names([heading.label for heading in headings])
    meanings = list(map(_alone, names, headings))
    for modality in () if is_referenced else _WITH_ELECTRODES:
        found = [i for i, m in enumerate(meanings) if m.modality == modality]
        bare = [i for i in found if names[i].is_bare]
        whole = [i for i in found if i not in bare and not headings[i].is_damaged]
        chin = _chin(bare, names, headings) if modality == "emg" else {}
        for i in bare:
            # "EMG" may be any muscle, so it does not stand in for the chin.
            referenced = [j for j in whole if names[j].rank[:1] <= names[i].rank[:1]]
            if referenced:
                same = [
                    j for j in referenced if names[j].electrode == names[i].electrode
                ]
                meanings[i] = _instead(headings[(same or referenced)[0]].label)
            else:
                meanings[i] = chin.get(i) or _reference(i, names, headings)
    return meanings


def _names(labels: Sequence[str]) -> list[ChannelName]:
    """Names of the channels, as far as the other labels of the file matter for them."""
    names = list(map(parse_label, labels))
    families = family_modalities(labels)
    classic = vocabulary().classes["eeg.electrodes"]
    is_montage = any(name.electrode in classic for name in names)
    for i, label in enumerate(labels):
        name = names[i]
        if (known := families.get(fold(label))) is not None:
            names[i] = ChannelName(known if known != "none" else None)
        elif (
            not (name.is_typed or name.reference or is_montage)
            and name.modality == "eeg"
        ):
            # T1 or P2 alone may be a thermistor or a pressure.
            names[i] = ChannelName(candidates=("eeg",))
    return names


def _alone(name: ChannelName, heading: Heading) -> Meaning:
    """Recognise a channel by its own label, rate and unit."""
    sfreq, unit = heading.sfreq, heading.unit
    modality = name.modality
    if modality is None:
        return _unknown(name)
    if not sfreq:
        return Meaning(note="holds no samples")
    if sfreq < vocabulary().min_sfreq[modality]:
        note = f"at {sfreq:g} Hz a trend or an envelope, not a signal"
        return Meaning(candidate=modality, note=note)
    if name.is_bare and not name.is_typed and is_no_voltage(unit):
        return Meaning(note=f"in {unit}, which is no voltage")  # O2 may be oxygen
    return Meaning(modality)


def _unknown(name: ChannelName) -> Meaning:
    """Explain a channel whose label is of no modality."""
    if name.is_leg:
        return Meaning(note="another muscle than the chin")
    if name.electrode:
        return Meaning(note="a reference electrode")
    if name.candidates:
        kinds = " or ".join(name.candidates)
        return Meaning(candidate=name.candidates[0], note=f"may be {kinds}")
    return Meaning()


def _instead(label: str) -> Meaning:
    """Leave out an electrode without a reference."""
    return Meaning(note=f"no reference: {label} is used instead")


def _chin(
    electrodes: Iterable[int], names: Sequence[ChannelName], headings: Sequence[Heading]
) -> dict[int, Meaning]:
    """Find two electrodes on the chin that are measured alike: first minus second."""
    ordered = sorted(electrodes, key=lambda i: names[i].rank)
    for first, second in combinations(ordered, 2):
        measured = {(names[i].reference, *headings[i][1:]) for i in (first, second)}
        is_pair = names[first].electrode != names[second].electrode
        if is_pair and len(measured) == 1 and not headings[first].is_damaged:
            plus, minus = headings[first].label, headings[second].label
            used = Meaning("emg", second, note=f"no reference: {minus} is subtracted")
            return dict.fromkeys(ordered, _instead(f"{plus}-{minus}")) | {first: used}
    return {}


def _reference(
    position: int, names: Sequence[ChannelName], headings: Sequence[Heading]
) -> Meaning:
    """Find a reference for an electrode: the opposite ear or mastoid, if there is one.

    Both must be measured alike: at one rate, in one unit, against the same recorder.
    """
    name, (_, *alike) = names[position], headings[position]
    ears = {
        side: [
            i
            for i, other in enumerate(names)
            if other.modality is None
            and other.electrode in vocabulary().classes[f"{side}_ear"]
            and other.reference == name.reference
            and headings[i][1:] == (*alike[:2], False)
        ]
        for side in ("left", "right")
    }
    is_right = name.electrode[-1].isdecimal() and int(name.electrode[-1]) % 2 == 0
    first, second = ("left", "right") if is_right else ("right", "left")
    for ear in (*ears[first], *ears[second]):
        note = f"no reference: {headings[ear].label} is subtracted"
        return Meaning(name.modality, minus=ear, note=note)
    return Meaning(name.modality, note="no reference: used as it is")
