"""Grammar of channel labels: the words in ``channels.toml``, and how they combine."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sleepkit.io._units import ELECTRODE_MODALITIES

_TYPED: Final = ("eog", "emg", "ecg", "resp", "airflow", "spo2")  # "EEG" may precede
_EARS: Final = ("left_ear", "right_ear")
_CHUNK: Final = re.compile(r"[^\W_]+")  # between separators
_SHORT: Final = 2  # letters; shorter words are found by chance within others


class ChannelName(NamedTuple):
    """What a label says. Without a modality, `candidates` are those it may mean."""

    modality: str | None = None
    electrode: str = ""  # "c3"; of eyes "e1" or "e2"; of ears alone "m2"; of chins "l"
    reference: str = ""  # "m2", a second electrode, "linked" or "recorder"
    is_typed: bool = True  # has a word such as "EEG"
    is_leg: bool = False
    candidates: tuple[str, ...] = ()
    rank: tuple[int, ...] = ()  # order of the channels of a modality

    @property
    def is_bare(self) -> bool:
        """Whether an electrode is named but none that it is measured against."""
        return bool(self.electrode) and self.reference in ("", "recorder")


class Vocabulary(NamedTuple):
    """Words of the table by class, folded as by `fold`."""

    classes: Mapping[str, frozenset[str]]  # "eeg.types", "left", "recorder", ...
    words: frozenset[str]
    labels: Mapping[str, str]  # modality of whole labels
    order: tuple[str, ...]  # electrodes of the 10-20 and 10-10 system, thorax, belly
    min_sfreq: Mapping[str, float]
    families: tuple[tuple[frozenset[str], Mapping[str, str]], ...]

    def is_in(self, word: str, *classes: str) -> bool:
        """Whether a word belongs to one of some classes."""
        return any(word in self.classes.get(name, ()) for name in classes)


def fold(label: str) -> str:
    """Label without case, accents and spaces, for comparisons."""
    return "".join(_plain(label).split())


@cache
def vocabulary() -> Vocabulary:
    """Read the table, once per process."""
    text = files("sleepkit.io").joinpath("channels.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    modality = table["modality"]
    groups = {
        f"{name}.{key}": words
        for name, entry in modality.items()
        for key, words in entry.items()
        if key not in ("min_sfreq", "labels")
    }
    for section in ("words", "references", "elsewhere"):
        groups |= table[section]
    classes = {name: frozenset(map(fold, words)) for name, words in groups.items()}
    return Vocabulary(
        classes=classes,
        words=frozenset().union(*classes.values()),
        labels={
            "".join(_CHUNK.findall(_plain(label))): name
            for name, entry in modality.items()
            for label in entry.get("labels", ())
        },
        order=tuple(
            fold(word)
            for group in ("eeg.electrodes", "eeg.more_electrodes", "resp.types")
            for word in groups[group]
        ),
        min_sfreq={name: entry.get("min_sfreq", 0) for name, entry in modality.items()},
        families=tuple(map(_family, table["family"])),
    )


def modalities() -> tuple[str, ...]:
    """Modalities with known labels, the most used first."""
    return tuple(vocabulary().min_sfreq)


def family_modalities(labels: Iterable[str]) -> dict[str, str]:
    """Modality by folded label of the families that the labels of a file complete."""
    present = frozenset(map(fold, labels))
    found: dict[str, str] = {}
    for required, meanings in vocabulary().families:
        if required <= present:
            found |= meanings
    return found


@cache
def parse_label(label: str) -> ChannelName:
    """Parse a label; its meaning does not depend on other labels of the file."""
    chunks = _CHUNK.findall(_plain(label))
    words = tuple(word for chunk in chunks for word in _words(chunk))
    if _has(words, "leg"):
        return ChannelName(is_leg=True)
    if _has(words, "derived"):
        return ChannelName()
    modality = vocabulary().labels.get("".join(chunks)) or _modality(words)
    if modality is not None:
        return _named(modality, words)
    first, *others = [word for word in words if not _is_passing(word)] or [""]
    if vocabulary().is_in(first, *_EARS):
        references = _references(others)
        return ChannelName(electrode=first, reference=next(iter(references), ""))
    return ChannelName(candidates=_candidates(words))


def _modality(words: tuple[str, ...]) -> str | None:
    """Modality that all words of a label fit; None if there is none."""
    named = [name for name in _TYPED if any(_names(word, name) for word in words)]
    name = named[0] if named else "eeg"
    if len(named) > 1 or not any(_names(word, name) for word in words):
        return None
    if not all(_fits(word, name) for word in words):
        return None
    if name == "eeg":
        return name if _is_eeg(words) else None
    if name == "emg" and (_has(words, "left") or _has(words, "right")):
        # Left and right "EMG" are legs as often as sides of the chin.
        return name if _has(words, "emg.chin") else None
    return name


def _names(word: str, modality: str) -> bool:
    """Whether a word names a modality: a type, the chin, an electrode."""
    kinds = ("types", "chin", "electrodes", "more_electrodes")
    eyes = ("left_electrodes", "right_electrodes")
    return vocabulary().is_in(word, *(f"{modality}.{kind}" for kind in kinds + eyes))


def _fits(word: str, modality: str) -> bool:
    """Whether a word may stand in a label of a modality."""
    allowed = [f"{modality}.beside", f"{modality}.vertical", "left", "right", "fillers"]
    if modality in ELECTRODE_MODALITIES:
        allowed += [*_EARS, "linked", "recorder", "eeg.types"]
    if modality == "eog":
        allowed += ["eeg.electrodes", "eeg.more_electrodes"]
    return (
        word.isdecimal() or _names(word, modality) or vocabulary().is_in(word, *allowed)
    )


def _is_electrode(word: str) -> bool:
    """Whether a word is an electrode on the scalp."""
    return vocabulary().is_in(word, "eeg.electrodes", "eeg.more_electrodes")


def _is_passing(word: str) -> bool:
    """Whether a word says nothing about the place: "EEG", "POL", a number."""
    return word.isdecimal() or vocabulary().is_in(word, "eeg.types", "fillers")


def _is_eeg(words: tuple[str, ...]) -> bool:
    """Whether words are an electrode with or without another, or "EEG" alone."""
    rest = [word for word in words if not _is_passing(word)]
    electrodes = list(filter(_is_electrode, rest))
    if electrodes:
        has_side = _has(words, "left") or _has(words, "right")
        return rest[0] in electrodes and len(electrodes) <= 2 and not has_side
    numbered = any(
        second.isdecimal() and vocabulary().is_in(first, "eeg.types")
        for first, second in pairwise(words)
    )
    return not rest or numbered or not vocabulary().is_in(rest[0], *_EARS)


def _named(modality: str, words: tuple[str, ...]) -> ChannelName:
    """Electrode, reference and rank of a label of known modality."""
    placed = list(filter(_is_electrode, words)) if modality == "eeg" else []
    if modality == "eog":
        placed = [eye for eye in map(_eye, words) if eye]
        placed += filter(_is_electrode, words if placed else ())
    if modality == "emg" and (_has(words, "emg.chin") or _has(words, "recorder")):
        placed = list(filter(_is_side, words))  # "EMG1" alone may be a pair
    electrode, *others = placed or [""]
    reference = next(iter(others + _references(words)), "") if electrode else ""
    order, places = vocabulary().order, [electrode] if electrode else words
    rank = (
        modality == "emg" and not _has(words, "emg.chin"),
        modality == "eog" and _has(words, "eog.vertical"),
        min((order.index(w) for w in places if w in order), default=-1),
        electrode == "e2" or _has(words, "right"),
        _has(words, "eeg.beside"),
        *(int(word) for word in words if word.isdecimal()),
    )
    is_typed = _has(words, f"{modality}.types") or _has(words, "eeg.types")
    return ChannelName(
        modality, electrode, reference, is_typed, rank=tuple(map(int, rank))
    )


def _has(words: Iterable[str], name: str) -> bool:
    """Whether one of the words belongs to a class."""
    return any(vocabulary().is_in(word, name) for word in words)


def _eye(word: str) -> str:
    """Electrode beside an eye by its name in AASM; "" for other words."""
    table = vocabulary()
    if table.is_in(word, "eog.left_electrodes"):
        return "e1"
    return "e2" if table.is_in(word, "eog.right_electrodes") else ""


def _is_side(word: str) -> bool:
    """Whether a word is the side or the number of an electrode on the chin."""
    return word.isdecimal() or vocabulary().is_in(word, "left", "right", "emg.beside")


def _references(words: Iterable[str]) -> list[str]:
    """List the references of a label: ears by name, else their class."""
    ears = [word for word in words if vocabulary().is_in(word, *_EARS)]
    if len(ears) == 1:
        return ears
    kinds = [kind for kind in ("linked", "recorder") if _has(words, kind)]
    return ["linked"] if ears else kinds


def _candidates(words: tuple[str, ...]) -> tuple[str, ...]:
    """Modalities that an unknown label may mean: a word begins or ends like theirs."""
    table = vocabulary()
    found = []
    for name in modalities():
        kinds = table.classes[f"{name}.types"] | table.classes.get(
            f"{name}.chin", set()
        )
        long = tuple(kind for kind in kinds if len(kind) > _SHORT)
        if any(
            _names(w, name) or w.startswith(long) or w.endswith(long) for w in words
        ):
            found.append(name)
    electrodes = tuple(table.classes["eeg.electrodes"])
    if not found and any(word.startswith(electrodes) for word in words):
        return ("eeg",)
    return tuple(name for name in found if name != "eeg" or len(found) == 1)


def _plain(label: str) -> str:
    """Label without case and accents."""
    letters = unicodedata.normalize("NFKD", label.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _words(chunk: str) -> tuple[str, ...]:
    """Known words of which a chunk of a label consists, or else the chunk."""
    words = _split(chunk)
    if words is None:
        return (chunk,)
    table = vocabulary()
    known = ("eeg.electrodes", "linked", "recorder", "fillers")
    short = [
        word
        for word in words
        if len(word) <= _SHORT and word.isalpha() and not table.is_in(word, *known)
    ]
    anchors = [word for word in words if len(word) > _SHORT and _is_anchor(word)]
    return words if len(words) == 1 or anchors or not short else (chunk,)


def _is_anchor(word: str) -> bool:
    """Whether letters beside a word, within one chunk, are words too: "LEOG"."""
    return vocabulary().is_in(word, "leg") or any(_names(word, m) for m in modalities())


@cache
def _split(chunk: str) -> tuple[str, ...] | None:
    """Known words of which a chunk of letters and digits consists, longest first."""
    if not chunk:
        return ()
    for end in range(len(chunk), 0, -1):
        word = chunk[:end]
        if word in vocabulary().words or word.isdecimal():
            rest = _split(chunk[end:])
            if rest is not None:
                return (word, *rest)
    return None


def _family(entry: Mapping[str, Any]) -> tuple[frozenset[str], Mapping[str, str]]:
    """Labels that a family requires, and the modality of each of its labels."""
    labels = {
        fold(label): name
        for name, names in entry.items()
        if name != "requires"
        for label in names
    }
    return frozenset(map(fold, entry["requires"])), labels
