"""Names of sleep stages in several languages, as data, and how they are compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sleepkit._stages import N1, N2, N3, REM, UNSCORED, WAKE

# Names without accents, blanks and punctuation; adding one is one word here.
_NAMES: Final = {
    WAKE: "w wk wa wake awake wakefulness wakestate"  # English
    " wach wachphase wachheit"  # German
    " eveil veille eveille"  # French
    " vigilia despierto vigil"  # Spanish
    " veglia sveglio"  # Italian
    " wakker waak waken"  # Dutch
    " vagen vaagen",  # Danish
    N3: "sws slowwave slowwavesleep deltasleep tiefschlaf profond"
    " sommeilprofond sommeillentprofond suenoprofundo sonnoprofondo"
    " diepeslaap dybsovn",
    REM: "r rem rapideyemovement paradoxal sommeilparadoxal mor traumschlaf",
    UNSCORED: "? a art artefact artifact artefakt artefacto artefatto"
    " m mt movement movementtime bodymovement bewegung bewegungszeit mouvement"
    " movimiento movimento beweging bevaegelse"
    " u uns us unscored notscored unscorable unstaged undefined unknown unsure nostage"
    " unbekannt unbewertet nichtbewertet inconnu indetermine nonscore desconocido"
    " sinclasificar sconosciuto nonclassificato onbekend ukendt"
    " nonvalutato uscoret",
}
# No statement about the stage. An empty cell and "nan" are one in tables only.
MISSING: Final = frozenset({"n/a", "na"})
# What a number of non-REM sleep follows, such as n1, s1, nrem1, "non-REM stage 1".
_BEFORE_NUMBER: Final = (
    "n",
    "s",
    "sl",  # sommeil lent
    "nrem",
    "nonrem",
    "nonrapideyemovement",
    "nonrapideyemovementsleepn",
)
_NUMBERS: Final = {"1": N1, "2": N2, "3": N3, "4": N3}
# "Sleep stage 3" is N3 by either manual; a bare 3 need not be.
_AFTER_STAGE: Final = {**_NUMBERS, "0": WAKE, "i": N1, "ii": N2, "iii": N3, "iv": N3}
VOCABULARY: Final = (
    {name: code for code, names in _NAMES.items() for name in names.split()}
    | dict.fromkeys(MISSING, UNSCORED)
    | {f"{word}{i}": code for word in _BEFORE_NUMBER for i, code in _NUMBERS.items()}
    | {"s0": WAKE, "ni": N1, "nii": N2, "niii": N3}
)
_SLEEP: Final = "sleep|schlaf|sommeil|sueno|sonno|slaap|sovn|soevn"
_STAGE: Final = (
    "stage|stadium|stadie|stadio|estadio|stade|fase|phase|etapa|periode|nremstage"
    "|nonremstage"
)
_LEADING: Final = re.compile(rf"^(?:sdo)?(?:{_SLEEP})?s?(?P<stage>{_STAGE})(?P<n>.+)$")
_AFFIXES: Final = re.compile(rf"^(?:sdo)?(?:{_SLEEP})?(.+?)(?:{_SLEEP}|state|stage)?$")
_DEPTH: Final = (
    "light|deep|leicht|tief|leger|profond|ligero|profundo|leggero|profondo|licht|diep"
)
# Such as "Sueño ligero N2": the number says it.
_GRADED: Final = re.compile(rf"(?:{_SLEEP}|{_DEPTH})+(n[1-3])")
_INTEGER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.IGNORECASE)
_LONGEST: Final = 60  # characters; a longer text is no name of a stage
_PLAIN: Final = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l"})


def fold(text: str) -> str:
    """Text without case, accents, blanks, underscores, hyphens and colons."""
    return re.sub(r"[\s_:-]+", "", without_accents(text))


def without_accents(text: str) -> str:
    """Text in lower case whose letters are the plain ones."""
    parts = unicodedata.normalize("NFD", text.casefold().translate(_PLAIN))
    return "".join(part for part in parts if not unicodedata.combining(part))


def claims_a_stage(text: str) -> bool:
    """Whether a text says "sleep stage", so that it can be no other event."""
    return re.match(rf"(?:{_SLEEP})s?(?:{_STAGE})", fold(text)) is not None


def stage_of_word(text: str) -> int | None:
    """Stage code of a label in words, None if it names no stage.

    A number alone is no word: what it means depends on the file.
    """
    if len(text) > _LONGEST or _INTEGER.fullmatch(text):
        return None
    text = re.sub(r"\|\d\d?$", "", text)  # "Stage 2 sleep|2"
    text = text.partition("@@")[0]  # EDF+ of 2021 names the channels there
    text = re.sub(r"^(?:sleep[ _-]?)?stages?/", "", text, flags=re.IGNORECASE)
    folded = fold(text)
    for name in (folded, folded.strip(".()[]'\"")):
        code = _stage_of_folded(name)
        if code is not None:
            return code
    return None


def _stage_of_folded(name: str) -> int | None:
    """Stage code of a folded name, with or without "sleep" and "stage"."""
    if name in VOCABULARY:
        return VOCABULARY[name]
    graded = _GRADED.fullmatch(name)
    if graded:
        return VOCABULARY[graded[1]]
    core = _AFFIXES.match(name)
    if core and core[1] in VOCABULARY:
        return VOCABULARY[core[1]]
    staged = _LEADING.match(name)
    if staged is None:
        return None
    rest = _AFFIXES.match(staged["n"])
    core_name = rest[1] if rest else staged["n"]
    return _AFTER_STAGE.get(core_name, VOCABULARY.get(core_name))
