"""Labels of sleep stages: the vocabulary, and named integer schemes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sleepkit import utils
from sleepkit._messages import quoted, shortened
from sleepkit._stage_words import claims_a_stage, fold, stage_of_word
from sleepkit._stages import N1, N2, N3, N_STAGES, REM, STAGES, UNSCORED, WAKE
from sleepkit.exceptions import HypnogramError
from sleepkit.io._scoring import Label

# Integers are ambiguous: 4 is REM in one file and S4 in another.
SCHEMES: Final[dict[str, dict[int, int]]] = {
    "aasm": {0: WAKE, 1: N1, 2: N2, 3: N3, 4: REM},
    "rk": {0: WAKE, 1: N1, 2: N2, 3: N3, 4: N3, 5: REM},
    "isruc": {0: WAKE, 1: N1, 2: N2, 3: N3, 5: REM},
    "dreams": {5: WAKE, 4: REM, 3: N1, 2: N2, 1: N3, 0: N3, -2: -1, -3: -1},
    "pydynamo": {5: WAKE, 4: REM, 3: N1, 2: N2, 1: N3, 0: UNSCORED},
}
# Seconds that a label lasts, for schemes of one data set.
LABEL_DURATIONS: Final = {"dreams": 5.0}
_UNSCORED_IN_ANY: Final = dict.fromkeys((UNSCORED, 6, 9, 10), UNSCORED)

_LISTED: Final = 10  # labels named in an error
_MAX_LISTING: Final = 400  # characters
_INTEGER: Final = re.compile(
    r"([+-]?\d{1,9})(?:\.0*)?|[+-]?\d\.?\d{,30}e[+-]?\d\d?", re.IGNORECASE
)
_BARE_NUMBERS: Final = {1: N1, 2: N2, 3: N3, 4: N3}  # beside "W" and "R" or "REM"

Scheme = str | Mapping[str | int, int] | None


class Decoder:
    """Stage codes of the labels of a file, by words and by a scheme of its integers."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self._custom = _custom_names(scheme)
        self._integers = _integer_codes(scheme)
        self._codes: dict[str, int | None] = {}  # of the few texts that labels have

    def code(self, text: str) -> int | None:
        """Stage code of a label, None if it names no stage."""
        if text not in self._codes:
            self._codes[text] = self._find_code(text)
        return self._codes[text]

    def _find_code(self, text: str) -> int | None:
        """Look up the code of a label."""
        number = integer(text)
        name = fold(text) if number is None else str(number)
        if name in self._custom:
            return self._custom[name]
        return stage_of_word(text) if number is None else self._integers.get(number)

    def word(self, text: str) -> int | None:
        """Stage code of a label in words, None for integers too."""
        return None if integer(text) is not None else self.code(text)

    def letters_beside_numbers(self, texts: Iterable[str]) -> Decoder:
        """Return a decoder for which 1 to 4 are N1 to N3 if wake and REM are words."""
        if self.scheme is not None:
            return self
        distinct = set(texts)
        numbers = {integer(text) for text in distinct} - {None}
        words = {self.word(text) for text in distinct}
        if not (numbers and numbers <= {*_BARE_NUMBERS} and {WAKE, REM} <= words):
            return self
        decoder = Decoder(None)
        decoder._integers = _BARE_NUMBERS
        return decoder


def integer(text: str) -> int | None:
    """Integer that a label is, also as 1.0 or 1.000e+00; None if it is none."""
    match = _INTEGER.fullmatch(text.strip())
    if match is None:
        return None
    value = float(match[0])
    return int(value) if value.is_integer() and abs(value) < 1e9 else None


def decode(
    labels: Sequence[Label], scheme: Scheme, *, has_events: bool = False
) -> tuple[list[tuple[Label, int]], list[Label]]:
    """Labels that name a stage, each with its stage code, and those of events.

    Only with `has_events`, labels that name no stage are events.
    """
    decoder = Decoder(scheme).letters_beside_numbers(label.text for label in labels)
    known, unknown = [], []
    events: list[Label] = []
    for label in labels:
        code = decoder.code(label.text.strip())
        if code is None:
            unknown.append(label)
        else:
            known.append((label, code))
    if has_events and known:
        # any text can be an event, unless it begins with "sleep stage"
        events = [label for label in unknown if not claims_a_stage(label.text)]
        unknown = [label for label in unknown if claims_a_stage(label.text)]
    if unknown or not known:
        raise _unknown_labels(unknown, scheme)
    return known, events


def _custom_names(scheme: Scheme) -> dict[str, int]:
    """Labels of a mapping, folded, with their validated stage codes."""
    if not isinstance(scheme, Mapping):
        return {}
    wrong = [code for code in scheme.values() if code not in range(-1, N_STAGES)]
    if wrong:
        msg = (
            "A scheme maps labels to the stage codes -1 (unscored) to "
            f"{N_STAGES - 1} (REM); got the codes {wrong}."
        )
        raise HypnogramError(msg)
    names = ((str(label), code) for label, code in scheme.items())
    return {
        fold(name) if integer(name) is None else str(integer(name)): code
        for name, code in names
    }


def _integer_codes(scheme: Scheme) -> dict[int, int]:
    """Stage codes of the integers of a named scheme."""
    if not isinstance(scheme, str):
        return {}
    utils.check_option("scheme", scheme, SCHEMES, owner="read_hypnogram")
    return _UNSCORED_IN_ANY | SCHEMES[scheme]


def _unknown_labels(unknown: Sequence[Label], scheme: Scheme) -> HypnogramError:
    """Error that lists the unknown labels and a remedy."""
    if not unknown:
        return HypnogramError("the file must hold labels of sleep stages; got none.")
    found = listed(unknown)
    if scheme is None and any(integer(label.text) is not None for label in unknown):
        return HypnogramError(
            "integers mean different stages in different files, so they need a scheme: "
            f"{_described_schemes()}, or a mapping of labels to codes. Got {found}."
        )
    named = f" or an integer of scheme {scheme!r}" if isinstance(scheme, str) else ""
    return HypnogramError(
        f"every label must be the name of a sleep stage{named}; got {found}. "
        'A scheme={"label": code} adds names, with the code -1 for unscored.'
    )


def listed(labels: Sequence[Label]) -> str:
    """Texts of labels, each with the place where it stands first."""
    first_places: dict[str, str] = {}
    for label in labels:
        first_places.setdefault(label.text, label.place)
    texts = [f"{quoted(text)} ({place})" for text, place in first_places.items()]
    found = ", ".join(texts[:_LISTED]) + (", ..." if len(texts) > _LISTED else "")
    return shortened(found, _MAX_LISTING)


def _described_schemes() -> str:
    """Named schemes with their integers: 'aasm' (0 W, 1 N1, ...)."""
    names = (*STAGES, "unscored")  # UNSCORED is -1, the last
    return ", ".join(
        f"{scheme!r} ({', '.join(f'{i} {names[code]}' for i, code in codes.items())})"
        for scheme, codes in SCHEMES.items()
    )
