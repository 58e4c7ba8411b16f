import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io._labels import SCHEMES, decode
from sleepkit.io._scoring import Label


def codes(*texts, scheme=None, has_events=False):
    labels = [Label(0.0, 30.0, text, f"line {i}") for i, text in enumerate(texts, 1)]
    known, _ = decode(labels, scheme, has_events=has_events)
    return [code for _, code in known]


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        (0, "W|w|Wake|AWAKE|Sleep stage W|sleep stage wake|Stage W|SLEEP-S0|S0| W "),
        (1, "N1|S1|NREM1|NREM 1|nrem_1|Sleep stage 1|Sleep stage N1|Stage 1|SLEEP-S1"),
        (2, "N2|S2|NREM2|Sleep stage 2|SLEEP STAGE N2|SLEEP-S2"),
        (3, "N3|N4|S3|S4|Sleep stage 3|Sleep stage 4|Sleep stage N3|SLEEP-S4|NREM3"),
        (4, "R|REM|rem|Sleep stage R|Sleep stage REM|SLEEP-REM|REM sleep|stage r"),
        (-1, "?|Sleep stage ?|Movement time|MT|M|UNS|U|n/a|A|Unscored|artefact"),
    ],
)
def test_spellings(code, spellings):
    spellings = spellings.split("|")
    assert codes(*spellings) == [code] * len(spellings)


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        (0, "WK|Wach|Éveil|Veille|Vigilia|Veglia|Wakker|Vågen|SDO:WakeState"),
        (
            1,
            "Stage1|Stadium 1|Stade I|Fase 1|Stadio N1|Non-REM 1|Stage 1 sleep",
        ),
        (2, "SDO:NonRapidEyeMovementSleep-N2|Schlafstadium N2|Søvnstadie 2|NREM-2"),
        (3, "SWS|Tiefschlaf|Stage 4|NREM 4|Stade IV|Slow wave sleep"),
        (4, "MOR|Sommeil paradoxal|REM-Schlaf|Sonno REM|REM-søvn|rapid eye movement"),
        (-1, "Bewegung|Artefakt|Mouvement|SLEEP-UNSCORED|UnknownStage|Not scored"),
    ],
)
def test_other_languages_and_programs(code, spellings):
    spellings = spellings.split("|")
    assert codes(*spellings) == [code] * len(spellings)


def test_words_with_their_integers():
    assert codes("Wake|0", "Stage 2 sleep|2") == [0, 2]


@pytest.mark.parametrize(
    "text", ["NREM", "Sleep", "Stage 5", "Lights off", "left", "Sleep apnea", "SP", "L"]
)
def test_words_that_name_no_stage(text):
    with pytest.raises(HypnogramError, match="name of a sleep stage"):
        codes("W", text)


@pytest.mark.parametrize(
    ("scheme", "integers", "expected"),
    [
        ("aasm", "0 1 2 3 4", [0, 1, 2, 3, 4]),
        ("rk", "0 1 2 3 4 5", [0, 1, 2, 3, 3, 4]),
        ("isruc", "0 1 2 3 5", [0, 1, 2, 3, 4]),
        ("dreams", "5 4 3 2 1 0 -2 -3", [0, 4, 1, 2, 3, 3, -1, -1]),
        ("pydynamo", "5 4 3 2 1 0", [0, 4, 1, 2, 3, -1]),
    ],
)
def test_integer_schemes(scheme, integers, expected):
    assert codes(*integers.split(), scheme=scheme) == expected


@pytest.mark.parametrize("scheme", SCHEMES)
def test_unscored_integers_and_words_in_every_scheme(scheme):
    expected = [-1, -1, -1, -1, 0, 3]
    assert codes("6", "9", "10", "-1", "W", "S4", scheme=scheme) == expected


def test_floats_that_are_integers():
    assert codes("0", "1.0", "2.", "3.00", scheme="aasm") == [0, 1, 2, 3]


def test_own_labels():
    own = {"Wach": 0, "tief schlaf": 3, "7": -1, 8: 4}
    assert codes("wach", "N2", "TiefSchlaf", "7", "8", scheme=own) == [0, 2, 3, -1, 4]


def test_own_labels_must_have_stage_codes():
    with pytest.raises(HypnogramError, match=r"codes -1 .* to 4 .*got the codes \[5\]"):
        codes("W", scheme={"Wach": 5})


def test_integers_without_scheme_list_the_schemes_and_what_came():
    with pytest.raises(HypnogramError) as info:
        codes("0", "1", "5")
    for words in [*map(repr, SCHEMES), "4 N3, 5 REM", "5 W, 4 REM", "'5' (line 3)"]:
        assert words in str(info.value)


def test_unknown_scheme():
    with pytest.raises(ValueError, match=r"'scheme'.*'aasm', 'rk'.*Got 'AASM'"):
        codes("0", scheme="AASM")


@pytest.mark.parametrize("text", ["N5", "", "nan", "NaN", "2.5", "True", "N2 N3"])
def test_unknown_label(text):
    with pytest.raises(HypnogramError) as info:
        codes("W", text, "N2", text)
    assert f"got {text!r} (line 2). " in str(info.value)


@pytest.mark.parametrize("text", ["4", "7", "12345678901", "9" * 9999])
def test_integers_outside_the_scheme(text):
    with pytest.raises(HypnogramError, match="integer of scheme 'isruc'; got"):
        codes("0", text, scheme="isruc")


def test_many_unknown_labels_are_not_all_listed():
    with pytest.raises(HypnogramError, match=r"'x9' \(line 10\), \.\.\.\. A scheme"):
        codes(*(f"x{i}" for i in range(50)))


def test_events_are_passed_over():
    texts = ["Arousal", "N2", "EMG artefact <x/>", "3", "Stage shift"]
    assert codes(*texts, has_events=True) == [2]


def test_a_claim_to_be_a_stage_is_no_event():
    with pytest.raises(HypnogramError, match=r"'Sleep stage 7' \(line 2\)"):
        codes("N2", "Sleep stage 7", has_events=True)


def test_only_events():
    with pytest.raises(HypnogramError, match=r"got 'Arousal' \(line 1\)"):
        codes("Arousal", has_events=True)


def test_no_labels():
    with pytest.raises(HypnogramError, match="must hold labels of sleep stages"):
        codes()


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        (0, "Sleep stage W@@C3-M2|stage/W|Sleep stage/W|sleep_stage/wake"),
        (1, "SL1|N I|Sommeil léger N1"),
        (2, "SL2|N II|Sueño ligero N2|Light sleep N2|stage/N2"),
        (3, "SL3|N III|Sueño profundo N3|Tiefschlaf N3|Deep N3|SL4"),
        (4, "Traumschlaf|stage/R"),
        (-1, "Non valutato|Uscoret"),
    ],
)
def test_spellings_of_some_laboratories(code, spellings):
    assert codes(*spellings.split("|")) == [code] * len(spellings.split("|"))


@pytest.mark.parametrize("text", ["Licht aus", "Light sleep", "Light W", "C3@@N2"])
def test_words_of_depth_alone_are_no_stages(text):
    with pytest.raises(HypnogramError, match="every label must be the name"):
        codes("W", text)
