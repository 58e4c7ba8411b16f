"""Names of columns in stage files, in several languages, as data."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from sleepkit._stage_words import fold, without_accents
from sleepkit._stages import STAGES

PROBABILITIES: Final = tuple(f"P_{stage}" for stage in STAGES)

# Words in the name of a column and what the column holds, the most telling first:
# "Event duration" is a duration, "Stage start" an onset. Adding a name is one word.
_ROLES: Final = {
    "other": "confidence probability probabilities prob proba p certainty uncertainty"
    " response position channel channels location rate sfreq cycle cycles zyklus"
    " spo2 hr heart temperature snr power amplitude instance meta konfidenz"
    " wahrscheinlichkeit kanal lage körperlage",
    "duration": "duration durations dur dauer durée duracion durata duur varighed"
    " længde length len epochduration",
    "sample": "sample samples sampleindex datapoint datapoints stichprobe échantillon"
    " muestra campione latency",
    "end": "end ends ending stop stops ende fin fine einde slut offset until finish"
    " endtime stoptime endzeit eindtijd sluttid bis hasta termine",
    "onset": "onset onsets start starts begin begins beginn beginning anfang début"
    " inicio comienzo inizio init time times zeit heure hora ora tid tidspunkt tijd"
    " aanvang starttime begintime startzeit uhrzeit begintijd starttid klokkeslæt"
    " timestamp timestamps datetime clocktime clock uhr from von ab desde horodatage"
    " t onsettime elapsed orario horaire",
    "epoch": "epoch epochs epoche epochen époque époques época epoca epoke epoker epok"
    " periodo nr no num number nummer numéro numero nombre index idx row zeile count"
    " n unnamed window windows segment fenster",
    "date": "date datum fecha dato jour",
    "scorer": "scorer scorers scoredby rater raters annotator expert auswerter scoreur"
    " évaluateur evaluador valutatore beoordelaar bedømmer reader technician",
    "events": "trial annotation annotations description descriptions event events"
    " ereignis ereignisse événement événements evento eventos eventi gebeurtenis"
    " hændelse hendelse class marker comment beschreibung descripcion descrizione type"
    " eventtype trialtype kommentar concept",
    "label": "stage stages sleepstage sleepstages stadium stadien schlafstadium"
    " schlafstadien schlafphase schlafphasen hypnogram hypnogramm hypnogramme hypno"
    " label labels scoring staging stade stades stadio stadi estadio fase fases"
    " fasi faser phase etapa etapas slaapstadium slaapfase stadie stadier søvnstadie"
    " søvnstadier søvnfase sleepstate state profil",
}
ROLES: Final = {
    without_accents(word): role
    for role, words in reversed(_ROLES.items())
    for word in words.split()
}
TIME_ROLES: Final = ("onset", "end", "duration", "epoch", "sample")
_RANK: Final = {role: rank for rank, role in enumerate(_ROLES)}

# Names of a count of epochs, such as "n_epochs" or "Number of Epochs".
MANY_EPOCHS: Final = frozenset(
    ["epochs", "epochen", "epoques", "epocas", "epoker", "epokes", "epoken"]
)
COUNT_WORDS: Final = frozenset(
    ["n", "nb", "num", "number", "nombre", "numero", "count", "anzahl", "antal"]
)

_UNITS: Final = {
    1e-6: "us microseconds",
    1e-3: "ms msec millis millisecond milliseconds millisekunden millisecondes"
    " milisegundos millisecondi",
    1.0: "s sec secs second seconds sek sekunde sekunden seconde secondes segundo"
    " segundos secondi seconden sekunder",
    60.0: "min mins minute minutes minuten minuto minutos minuti minuter minutter",
    3600.0: "h hr hrs hour hours std stunde stunden heures horas ore uren timer",
}
_UNIT_OF: Final = {
    word: seconds for seconds, words in _UNITS.items() for word in words.split()
}
# Cells of a column of kinds that mark a row as a stage, such as "Stages|Stages".
STAGE_KINDS: Final = frozenset(
    [
        "stage",
        "stages",
        "sleepstage",
        "sleepstages",
        "staging",
        "hypnogram",
        "stages|stages",
        "schlafstadium",
        "schlafstadien",
        "stade",
        "stadio",
        "estadio",
        "slaapstadium",
    ]
)


def words_of(name: str) -> list[str]:
    """Words of the name of a column: "StartTime [s]" is start, time, s."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+|\d+", without_accents(parts))


def role_of(name: str) -> str:
    """Return what a column holds by its name, "" if the name does not say."""
    words = words_of(name)
    if fold(name) in ROLES:
        return ROLES[fold(name)]
    if not words or name.casefold().startswith("unnamed"):
        return "epoch"  # a column of row numbers
    # a letter is a word only alone, such as "t", or before others, such as "P_W"
    telling = words if len(words) == 1 else [w for w in words if len(w) > 1 or w == "p"]
    roles = [ROLES[word] for word in telling if word in ROLES]
    if not roles:
        return "onset" if all(word in _UNIT_OF for word in words) else ""
    return min(roles, key=_RANK.__getitem__)


def length_of(name: str) -> float | None:
    """Seconds that the name of a column states, such as 20 of "epoch_20s"."""
    for number, word in pairwise(words_of(name)):
        if number.isdigit() and word in _UNIT_OF and int(number):
            return int(number) * _UNIT_OF[word]
    return None


def unit_of(name: str) -> float | None:
    """Seconds in the unit that the name of a column states, None if it states none."""
    units = [_UNIT_OF[word] for word in words_of(name) if word in _UNIT_OF]
    return units[-1] if units else None
