import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram

STAGE = (
    "<ScoredEvent><EventType>Stages|Stages</EventType>"
    "<EventConcept>{}</EventConcept><Start>{}</Start><Duration>{}</Duration>"
    "</ScoredEvent>"
)
OTHER = STAGE.replace("Stages|Stages", "Respiratory|Respiratory")
RUNS = [
    ("Wake|0", 0, 60),
    ("Stage 1 sleep|1", 60, 30),
    ("Stage 2 sleep|2", 90, 90),
    ("Stage 3 sleep|3", 180, 30),
    ("Stage 4 sleep|4", 210, 30),
    ("REM sleep|5", 240, 60),
    ("Movement|6", 300, 30),
    ("Unscored|9", 330, 30),
    ("artifact|10", 360, 30),
]
EXPECTED = [0, 0, 1, 2, 2, 2, 3, 3, 4, 4, -1, -1, -1]


def nsrr(events, epoch_length=30):
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\r\n'
        "<PSGAnnotation><SoftwareVersion>Compumedics</SoftwareVersion>"
        f"<EpochLength>{epoch_length}</EpochLength><ScoredEvents>"
        "<ScoredEvent><EventType/><EventConcept>Recording Start Time</EventConcept>"
        "<Start>0</Start><Duration>390.0</Duration>"
        "<ClockTime>01.01.85 20.29.59</ClockTime></ScoredEvent>"
        f"{''.join(events)}</ScoredEvents></PSGAnnotation>"
    )


def profusion(codes, epoch_length=30):
    stages = "".join(f"<SleepStage>{code}</SleepStage>\n" for code in codes)
    return (
        f"<CMPStudyConfig><EpochLength>{epoch_length}</EpochLength>"
        f"<ScoredEvents/><SleepStages>{stages}</SleepStages></CMPStudyConfig>"
    )


@pytest.fixture
def read(tmp_path):
    """Read a file that has the given XML."""

    def read_xml(text, **parameters):
        path = tmp_path / "night.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_hypnogram(path, **parameters)

    return read_xml


def test_nsrr_runs(read):
    events = [STAGE.format(*run) for run in RUNS]
    events.insert(3, OTHER.format("Hypopnea|Hypopnea", 70, 25.5))
    hypnogram = read(nsrr(events))
    np.testing.assert_array_equal(hypnogram, EXPECTED)
    assert (hypnogram.onset, hypnogram.start) == (0.0, None)


def test_profusion_epochs(read):
    codes = [0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 6, 9, 10]
    np.testing.assert_array_equal(read(profusion(codes)), EXPECTED)


def test_profusion_states_its_epoch_length(read):
    np.testing.assert_array_equal(read(profusion([0, 1, 1], epoch_length=20)), [0, 1])


def test_the_format_knows_its_scheme_but_takes_other_labels(read):
    np.testing.assert_array_equal(read(profusion([0, 4, 5]), scheme="aasm"), [0, 3, 4])
    own = {0: 0, 11: -1}
    np.testing.assert_array_equal(read(profusion([0, 11]), scheme=own), [0, -1])


def test_latin_1_beside_the_stages(read):
    text = profusion([0, 2]).replace("<ScoredEvents/>", "<Note>M\xfcller</Note>")
    np.testing.assert_array_equal(read(text.encode("latin-1")), [0, 2])


BOMB = '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB + profusion([0]).replace(">0<", ">&c;<"), "not declare a document type"),
        ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" + profusion([0]), "not declare"),
        (profusion([0, 1])[:-30], "well-formed; .*line"),
        (nsrr([STAGE.format(*RUNS[0])])[:-20], "well-formed"),
        ("<html></html>", "root must be PSGAnnotation or CMPStudyConfig; got html"),
        (nsrr([]), "got none"),
        (profusion([]), "got none"),
        (profusion([0, 1, 8]), r"integer of scheme 'rk'; got '8' \(epoch 3\)"),
        (profusion(["", 1]), r"got '' \(epoch 1\)"),
        (profusion([0], epoch_length="x"), r"EpochLength must hold seconds; got 'x'"),
        (profusion([0], epoch_length=-30), r"duration must .* got -30"),
        (nsrr([STAGE.format("Wake|0", "", 30)]), r"Start must hold seconds; got ''"),
        (nsrr([STAGE.format("Wake|0", 0, "nan")]), r"got nan \(event 2\)"),
        (nsrr([STAGE.format("Wake|0", 0, -5)]), r"got -5 \(event 2\)"),
        (
            nsrr([STAGE.format("Wake", 0, 30), STAGE.format("Nap|7", 30, 30)]),
            "'7' .eve",
        ),
    ],
)
def test_malformed(read, text, words):
    with pytest.raises(HypnogramError, match=rf"(?s)night\.xml: .*{words}"):
        read(text)
