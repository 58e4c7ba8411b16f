"""Stage files of every layout, and mutants of them."""

from __future__ import annotations

import json

from tests.hostile.mutations import TEXT, pick, replace_node

_CYCLE = ("W", "N1", "N2", "N3", "N2", "REM")
_N = 12
_WORDS = [_CYCLE[i % 6] for i in range(_N)]


def _rows(header, row):
    """A table of a header and a row an epoch."""
    lines = (row(i, stage) for i, stage in enumerate(_WORDS))
    return "\n".join([*header, *lines, ""]).encode()


def _clock(i):
    return f"{(22 + i // 120) % 24:02}:{i // 2 % 60:02}:{i % 2 * 30:02}"


def _nsrr():
    """An XML of the NSRR."""
    events = "".join(
        f"<ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>Stage 2 "
        f"sleep|2</EventConcept><Start>{30 * i}</Start><Duration>30</Duration>"
        "</ScoredEvent>"
        for i in range(_N)
    )
    return f"<PSGAnnotation><ScoredEvents>{events}</ScoredEvents></PSGAnnotation>"


def _profusion():
    """An XML of Compumedics."""
    stages = "".join(f"<SleepStage>{i % 6}</SleepStage>" for i in range(_N))
    return (
        "<CMPStudyConfig><EpochLength>30</EpochLength>"
        f"<SleepStages>{stages}</SleepStages></CMPStudyConfig>"
    )


PLAIN = {
    "lines.txt": "\n".join(_WORDS).encode(),
    "entries.txt": "\n".join(["EPOCH=30", "START=0", *_WORDS]).encode(),
    "one_line.txt": ",".join(_WORDS).encode(),
    "seconds.csv": _rows(["onset,duration,stage"], lambda i, s: f"{30.0 * i},30.0,{s}"),
    "clock.tsv": _rows(["time\tstage"], lambda i, s: f"{_clock(i)}\t{s}"),
    "moments.csv": _rows(
        ["timestamp;stage"], lambda i, s: f"2020-03-02T{_clock(i)}+01:00;{s}"
    ),
    "numbers.csv": _rows(["epoch,stage"], lambda i, s: f"{i + 1},{s}"),
    "ends.csv": _rows(["start,end,stage"], lambda i, s: f"{30 * i},{30 * i + 30},{s}"),
    "scorers.csv": _rows(
        ["onset,stage,scorer"], lambda i, s: f"{30 * i},{s},{'AB'[i % 2]}"
    ),
    "probabilities.csv": _rows(
        ["onset,stage,P_W,P_N1,P_N2,P_N3,P_REM"],
        lambda i, s: f"{30 * i},{s},.1,.2,.3,.2,.2",
    ),
    "blanks.annot": _rows([], lambda i, s: f"{s} . . {30 * i} {30 * i + 30} ."),
    "visbrain.txt": _rows(["*Duration_sec 360"], lambda i, s: f"{s} {30 * i + 30}"),
    "samples.csv": _rows(["sample,stage"], lambda i, s: f"{i * 3840},{s}"),
    "nsrr.xml": _nsrr().encode(),
    "profusion.xml": _profusion().encode(),
    "list.json": json.dumps(_WORDS).encode(),
    "object.json": json.dumps(
        {"stages": _WORDS, "epoch_duration": 30, "onset": 0.0, "scorer": "A"}
        | {"start": "2020-03-02T22:00:00", "probabilities": [[0.2] * 5] * _N}
    ).encode(),
    "records.json": json.dumps(
        [{"onset": 30 * i, "stage": s} for i, s in enumerate(_WORDS)]
    ).encode(),
}


def mutant(rng):
    """A mutant of one of the plain files, with its name."""
    name = pick(rng, list(PLAIN))
    is_json = name.endswith(".json")
    kinds = (*TEXT, *(replace_node,) * (len(TEXT) * is_json))
    content = pick(rng, kinds)(rng, PLAIN[name])
    return name, content
