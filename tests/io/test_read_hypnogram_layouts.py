"""Layouts of stage exports, each with the stages of one made-up night."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram import Hypnogram
from sleepkit.io import read_hypnogram, write_hypnogram

STAGES = [0, 0, 1, 2, 2, -1, 3, 3, 4, 4]
AASM = ("W", "N1", "N2", "N3", "R", "?")
START = datetime(2003, 2, 5, 23, 57, 30)  # the night runs over midnight
CLOCK = [START + timedelta(seconds=30 * i) for i in range(10)]
HH_MM_SS = [f"{time:%H:%M:%S}" for time in CLOCK]
TWELVE = [f"{time:%I:%M:%S %p}".lstrip("0") for time in CLOCK]


def words(*names):
    """Names of the stages of the night, from those of W, N1, N2, N3, REM, unscored."""
    return [names[code] for code in STAGES]


def rows(*columns, delimiter=",", end="\n"):
    """Lines of a table; a column of one text repeats it."""
    columns = [[c] * 10 if isinstance(c, str) else list(map(str, c)) for c in columns]
    lines = [delimiter.join(row) for row in zip(*columns, strict=True)]
    return end.join(lines) + end


SECONDS = [30 * i for i in range(10)]
EPOCHS = range(1, 11)
LABELS = words(*AASM)
LONG = words(*(f"Sleep stage {name}" for name in AASM))
YASA = words("WAKE", "N1", "N2", "N3", "REM", "UNS")
REMLOGIC = words(*(f"SLEEP-{n}" for n in ("S0", "S1", "S2", "S3", "REM", "UNSCORED")))
GERMAN = words("Wach", "N1", "N2", "N3", "Rem", "Bewegung")

# name: (text, whether the file says when the night begins)
LAYOUTS = {
    "mne.csv": ("onset,duration,description\n" + rows(CLOCK, "30.0", LONG), True),
    "mne.txt": (
        f"# MNE-Annotations\n# orig_time : {START}\n# onset, duration, description\n"
        + rows(SECONDS, "30.0", LONG),
        True,
    ),
    "undated.csv": (
        "onset,duration,description\n"
        + rows(
            [datetime(1970, 1, 1) + timedelta(seconds=s) for s in SECONDS], "30", LONG
        ),
        False,
    ),
    "yasa.csv": ("Time,Scorer1\n" + rows(CLOCK, YASA), True),
    "yasa_plain.csv": ("Epoch,Stage\n" + rows(range(10), YASA), False),
    "yasa_events.csv": (
        "epoch,onset,duration,value,description,scorer\n"
        + rows(range(10), SECONDS, "30.0", words(0, 1, 2, 3, 4, -2), YASA, "S1"),
        False,
    ),
    "yasa.json": (
        json.dumps({"values": YASA, "freq": "30s", "start": f"{START.isoformat()}"}),
        True,
    ),
    "domino.txt": (
        f"Signal ID: SchlafProfil\\profil\nStart Time: {START:%d.%m.%Y %H:%M:%S}\n"
        "Unit: \nSignal Type: \nEvents list: N3,N2,N1,Rem,Wach,Bewegung\n"
        "Rate: 30 s\n\n" + rows([f"{t},000" for t in HH_MM_SS], GERMAN, delimiter="; "),
        True,
    ),
    "remlogic.txt": (
        "RemLogic Event Export\nPatient:\tX\nRecording Date:\t05/02/2003\n\n"
        "Events Included:\nSLEEP-REM\nSLEEP-S0\n\nTime [hh:mm:ss]\tEvent\tDuration[s]\n"
        + rows(
            [f"{t.isoformat()}.000000" for t in CLOCK], REMLOGIC, "30", delimiter="\t"
        ),
        True,
    ),
    "cap.txt": (
        "RemLogic Event Export\nPatient:\tX\n\nEvents Included:\nMCAP-A1\nSLEEP-S0\n\n"
        "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"
        + rows(
            words("W", "S1", "S2", "S3", "R", "MT"),
            "Left",
            HH_MM_SS,
            words(
                "SLEEP-S0", "SLEEP-S1", "SLEEP-S2", "SLEEP-S4", "SLEEP-REM", "SLEEP-MT"
            ),
            "30",
            "ROC-LOC",
            delimiter="\t",
        )
        + f"S2\tLeft\t{CLOCK[3] + timedelta(seconds=11):%H:%M:%S}\tMCAP-A2\t24\tF4\n",
        True,
    ),
    "alice.csv": (
        " Epoch Number ,Start Time ,Sleep Stage \n"
        + rows(EPOCHS, TWELVE, words("WK", "N1", "N2", "N3", "REM", "?")),
        True,
    ),
    "sandman.txt": (
        "Epoch\tStart Time\tSleep Stage\n"
        + rows(
            EPOCHS,
            TWELVE,
            words("Wake", "Stage 1", "Stage 2", "Stage 4", "Rem", "Unknown"),
            delimiter="\t",
        ),
        True,
    ),
    "visbrain.txt": (
        "*Duration_sec\t300\nWake\t60\nN1\t90\nN2\t150\nArt\t180\nN3\t240\nREM\t300\n",
        False,
    ),
    "luna.annot": (
        "# W\n# arousal | made-up event\nclass\tinstance\tchannel\tstart\tstop\tmeta\n"
        + rows(
            LABELS, ".", ".", SECONDS, [s + 30 for s in SECONDS], ".", delimiter="\t"
        )
        + "arousal\t.\tC3\t71.25\t89.5\t.\n",
        False,
    ),
    "luna_clock.annot": (
        "class\tinstance\tchannel\tstart\tstop\tmeta\n"
        + rows(LABELS, ".", ".", HH_MM_SS, "...", ".", delimiter="\t"),
        True,
    ),
    "luna.eannot": ("\n".join(words("W", "N1", "N2", "N3", "R", "L")), False),
    "usleep.txt": ("EPOCH=30\nSTART=0\n" + "\n".join(YASA), False),
    "usleep.tsv": (
        "init_sec\tduration_sec\tstage\n"
        + rows(
            SECONDS,
            "30",
            words("W", "N1", "N2", "N3", "REM", "UNKNOWN"),
            delimiter="\t",
        ),
        False,
    ),
    "stages.csv": (
        "Start Time,Duration (seconds),Event\n"
        + rows(
            HH_MM_SS,
            "30",
            words("Wake", "Stage1", "Stage2", "Stage3", "REM", "UnknownStage"),
        )
        + f"{HH_MM_SS[3]},12.5,Hypopnea\n{HH_MM_SS[4]},0,Custom User Event 4\n",
        True,
    ),
    "nch.tsv": (
        "onset\tduration\tdescription\n-5\t0.0\tLights Off\n"
        + rows(SECONDS, "30.0", LONG, delimiter="\t")
        + "82.5\t24.2\tOxygen Desaturation\n",
        False,
    ),
    "dcsm.ids": (
        "0,60,W\n60,30,N1\n90,60,N2\n150,30,?\n180,60,N3\n240,60,REM\n",
        False,
    ),
    "hmc.txt": (
        "Date, Time, Recording onset, Duration, Annotation, Linked channel\n"
        + rows(
            "05.02.03",
            [t.replace(":", ".") for t in HH_MM_SS],
            SECONDS,
            "30",
            LONG,
            "",
            delimiter=", ",
        )
        + "05.02.03, 23.57.46.280, 16.28, 0, Lights off, Body position\n",
        True,
    ),
    "compumedics.txt": ("\r\n".join(LABELS), False),
    "wonambi.csv": (
        "Wonambi v7.15\nclock start time,start,end,stage\n"
        + rows(
            HH_MM_SS,
            SECONDS,
            [s + 30 for s in SECONDS],
            words("Wake", "NREM1", "NREM2", "NREM3", "REM", "Unknown"),
        ),
        True,
    ),
    "edfbrowser.csv": (
        "onset,label,duration\n" + rows(SECONDS, LONG, "30.0000"),
        False,
    ),
    "bids_hypnogram.tsv": (
        "onset\tduration\tstage\n0\t60\tW\n60\t30\tN1\n90\t60\tN2\n150\t30\tn/a\n"
        "180\t60\tN3\n240\t60\tREM\n",
        False,
    ),
    "records.json": (
        json.dumps(
            [{"onset": s, "stage": t} for s, t in zip(SECONDS, LABELS, strict=True)]
        ),
        False,
    ),
}


@pytest.fixture
def read(tmp_path):
    """Read a file that has the given text."""

    def read_text(text, name="night.txt", **parameters):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_hypnogram(path, **parameters)

    return read_text


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(read, name):
    text, has_start = LAYOUTS[name]
    hypnogram = read(text, name)
    np.testing.assert_array_equal(hypnogram, STAGES)
    assert hypnogram.onset == 0
    if has_start:
        assert hypnogram.start.time() == START.time()
    else:
        assert hypnogram.start is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_layouts_in_other_encodings(read, encoding, end):
    for name in ("stages.csv", "domino.txt", "cap.txt"):
        text = f"Prénom: Zoë{end}" + LAYOUTS[name][0].replace("\n", end).rstrip()
        np.testing.assert_array_equal(read(text.encode(encoding)), STAGES)


RK = words(0, 1, 2, 4, 5, 9)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(str, RK)),
        "\n".join(f"{code:.18e}" for code in RK),
        ",".join(map(str, RK)),
        rows(EPOCHS, RK, [1, 1, 1, 1, 2, 2, 2, 2, 2, 3], delimiter=" "),
        "Epoch\tUser-Defined Stage\tCAST-Defined Stage\n"
        + rows(EPOCHS, RK, words(0, 0, 2, 3, 5, 9), delimiter="\t"),
        "epoch,stage,position\n" + rows(EPOCHS, RK, list("RLRSRLRSRL")),
        "Epoch,R1\n" + rows(EPOCHS, RK),
    ],
    ids=["lines", "numpy", "one line", "sta", "wsc", "position", "scorer"],
)
def test_layouts_of_integers(read, text):
    np.testing.assert_array_equal(read(text, scheme="rk"), STAGES)


def test_labels_with_colons_are_no_entries_of_a_header(read):
    text = (
        "Night: 1\nSDO:WakeState\nSDO:WakeState\nUnscored\nSDO:RapidEyeMovementSleep\n"
    )
    np.testing.assert_array_equal(read(text), [0, 0, -1, 4])


def test_a_format_may_be_forced(read):
    text = "stage,end\n1,90\n2,150\n"
    assert read("W 60\nN1 90\nW 150\n", format="visbrain").stages.tolist() == [
        0,
        0,
        1,
        0,
        0,
    ]
    with pytest.raises(HypnogramError, match="got 'stage,end'"):
        read(text, format="lines")
    with pytest.raises(ValueError, match="'format' parameter of read_hypnogram"):
        read(text, format="excel")


def test_numbers_beside_letters_are_stages(read):
    text = "\n".join(words("W", "1", "2", "4", "R", "?"))
    np.testing.assert_array_equal(read(text), STAGES)
    with pytest.raises(HypnogramError, match="need a scheme"):
        read(text.replace("R", "5"))


def test_nsrr_without_types_of_events(read):
    concepts = words(
        "WakeState",
        *(f"NonRapidEyeMovementSleep-N{i}" for i in (1, 2, 4)),
        "RapidEyeMovementSleep",
        "Unscored",
    )
    events = "".join(
        f"<ScoredEvent><EventConcept>SDO:{concept}</EventConcept><Start>{onset}</Start>"
        "<Duration>30</Duration></ScoredEvent>"
        for concept, onset in zip(concepts, SECONDS, strict=True)
    )
    other = events.split("</ScoredEvent>")[0].replace("WakeState", "Desaturation")
    text = f"<PSGAnnotation>{events}{other}</ScoredEvent></PSGAnnotation>"
    np.testing.assert_array_equal(read(text, "night.xml"), STAGES)


def test_probabilities_of_yasa(read):
    names = ("WAKE", "N1", "N2", "N3", "REM")
    content = {"values": YASA, "proba": {name: [0.2] * 10 for name in names}}
    probabilities = read(json.dumps(content), "a.json").probabilities
    np.testing.assert_array_equal(probabilities, np.full((10, 5), 0.2))


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.json", '{"values": ["W"], "freq": "often"}', "epoch length .* 'often'"),
        ("a.json", '{"values": ["W"], "start": "10 pm"}', "ISO 8601 time; got '10 pm'"),
        ("a.json", '{"nights": ["W"], "n": ["W", "R"]}', "without any of the keys"),
        ("a.txt", "0,1,2,x\n", "one line must hold labels only"),
        ("a.txt", "hello world\nthis is text\n", "got 'hello world'"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "must hold text"),
        ("a.csv", "Epoch,Stage\n1,W\n2,N1\n\nSummary\n", "header's 2 columns; line 5"),
    ],
)
def test_malformed(read, name, text, match):
    with pytest.raises(HypnogramError, match=match):
        read(text, name)


@pytest.mark.parametrize("suffix", ["csv", "txt"])
@pytest.mark.parametrize("start", [None, START])
def test_annotations_saved_by_mne(tmp_path, suffix, start):
    import mne

    stamp = None if start is None else start.replace(tzinfo=UTC)
    annotations = mne.Annotations(SECONDS, [30] * 10, LONG, orig_time=stamp)
    annotations.save(tmp_path / f"night-annot.{suffix}")
    hypnogram = read_hypnogram(tmp_path / f"night-annot.{suffix}")
    np.testing.assert_array_equal(hypnogram, STAGES)


@pytest.mark.parametrize(
    ("name", "fmt"),
    [
        ("a.csv", "csv"),
        ("a.tsv", "bids"),
        ("a_hypnogram.tsv", "bids-derivative"),
        ("a.edf", "edf"),
        ("a.annot", "luna"),
        ("a.txt", "edfbrowser"),
        ("a.json", "json"),
    ],
)
@pytest.mark.parametrize("edge", [[-1, -1, -1], [0]])
def test_every_format_that_is_written(tmp_path, name, fmt, edge):
    written = Hypnogram([*edge, *STAGES, *edge], onset=60.0)
    write_hypnogram(tmp_path / name, written, format=fmt)
    read = read_hypnogram(tmp_path / name)
    np.testing.assert_array_equal(read, written)
    assert read.onset == 60


def test_json_with_a_scorer_and_probabilities(tmp_path):
    rows = np.full((2, 5), 0.2)
    written = Hypnogram([0, -1], start=START, scorer="A", probabilities=rows)
    write_hypnogram(tmp_path / "a.json", written)
    read = read_hypnogram(tmp_path / "a.json")
    assert (read.start, read.scorer) == (START, "A")
    np.testing.assert_array_equal(read.probabilities, rows)
