"""Labels of sleep stages: the vocabulary, and named integer schemes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sleepkit import utils
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

_NAMES: Final = {
    WAKE: "w wake awake wakefulness s0 sleeps0",
    N1: "n1 s1 nrem1 sleeps1",
    N2: "n2 s2 nrem2 sleeps2",
    N3: "n3 n4 s3 s4 nrem3 nrem4 sleeps3 sleeps4 sws",
    REM: "r rem remsleep sleeprem",
    UNSCORED: "? a art artefact artifact m movement movementtime mt n/a u uns unknown"
    " unscored",
}
_VOCABULARY: Final = {
    name: code for code, names in _NAMES.items() for name in names.split()
}
# "Sleep stage 3" is N3 by either manual; a bare 3 need not be.
_NUMBERED: Final = {"0": WAKE, "1": N1, "2": N2, "3": N3, "4": N3}
_LISTED: Final = 10  # labels named in an error
_INTEGER: Final = re.compile(r"([+-]?\d{1,9})(?:\.0*)?")

Scheme = str | Mapping[str | int, int] | None


def decode(
    labels: Sequence[Label], scheme: Scheme, *, has_events: bool = False
) -> list[tuple[Label, int]]:
    """Labels that name a stage, each with its stage code.

    With `has_events`, labels that name no stage are skipped as events.
    """
    custom = _custom_names(scheme)
    integers = _integer_codes(scheme)
    known, unknown = [], []
    for label in labels:
        code = _stage_code(label.text.strip(), integers, custom)
        if code is None:
            unknown.append(label)
        else:
            known.append((label, code))
    if has_events and known:
        # any text can be an event, unless it begins with "sleep stage"
        unknown = [a for a in unknown if _fold(a.text).startswith("sleepstage")]
    if unknown or not known:
        raise _unknown_labels(unknown, scheme)
    return known


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
    return {_fold(str(label)): code for label, code in scheme.items()}


def _integer_codes(scheme: Scheme) -> dict[int, int]:
    """Stage codes of the integers of a named scheme."""
    if not isinstance(scheme, str):
        return {}
    utils.check_option("scheme", scheme, SCHEMES, owner="read_hypnogram")
    return _UNSCORED_IN_ANY | SCHEMES[scheme]


def _stage_code(
    text: str, integers: Mapping[int, int], custom: Mapping[str, int]
) -> int | None:
    """Stage code of one label, None if it names no stage."""
    number = _INTEGER.fullmatch(text)
    folded = number[1] if number else _fold(text)
    if folded in custom:
        return custom[folded]
    if number:
        return integers.get(int(number[1]))
    prefixed, name = _prefixed(folded)
    if prefixed and name in _NUMBERED:
        return _NUMBERED[name]
    return _VOCABULARY.get(name)


def _fold(text: str) -> str:
    """Label without case, spaces, underscores and inner hyphens, for comparisons."""
    if _INTEGER.fullmatch(text):
        return text
    return re.sub(r"[\s_-]+", "", text.casefold())


def _prefixed(folded: str) -> tuple[bool, str]:
    """Whether a label begins with "sleep stage", and the rest of it."""
    name = re.sub(r"^(sleep)?stage", "", folded)
    return name != folded, name


def _unknown_labels(unknown: Sequence[Label], scheme: Scheme) -> HypnogramError:
    """Error that lists the unknown labels and a remedy."""
    if not unknown:
        return HypnogramError("the file must hold labels of sleep stages; got none.")
    first_places: dict[str, str] = {}
    for label in unknown:
        first_places.setdefault(label.text, label.place)
    listed = [f"{text!r} ({place})" for text, place in first_places.items()]
    found = ", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")
    if scheme is None and any(map(_INTEGER.fullmatch, first_places)):
        return HypnogramError(
            "integers mean different stages in different files, so they need a scheme: "
            f"{_described_schemes()}, or a mapping of labels to codes. Got {found}."
        )
    named = f" or an integer of scheme {scheme!r}" if isinstance(scheme, str) else ""
    return HypnogramError(
        f"every label must be the name of a sleep stage{named}; got {found}. "
        'A scheme={"label": code} adds names, with the code -1 for unscored.'
    )


def _described_schemes() -> str:
    """Named schemes with their integers: 'aasm' (0 W, 1 N1, ...)."""
    names = (*STAGES, "unscored")  # UNSCORED is -1, the last
    return ", ".join(
        f"{scheme!r} ({', '.join(f'{i} {names[code]}' for i, code in codes.items())})"
        for scheme, codes in SCHEMES.items()
    )
