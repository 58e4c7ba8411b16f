"""Tiny cohorts on disk, laid out, named and formatted as their archives are."""

from __future__ import annotations

from datetime import date, time

import edfio
import numpy as np

SHHS_ROWS = (  # label, hertz, unit; the second EEG comes first, as in some files
    ("SaO2", 1, "%"),
    ("EEG(sec)", 125, "uV"),
    ("ECG", 250, "mV"),
    ("EMG", 125, "uV"),
    ("EOG(L)", 50, "uV"),
    ("EOG(R)", 50, "uV"),
    ("EEG", 125, "uV"),
    ("THOR RES", 10, ""),
)
PROFUSION = "annotations-events-profusion"
NSRR = "annotations-events-nsrr"


def write_edf(
    path,
    rows,
    n_epochs,
    *,
    start=(date(1985, 1, 1), time(22)),
    annotations=None,
    seed=0,
):
    """Write epochs of 30 s of noise; return the samples by label."""
    rng = np.random.default_rng(seed)
    signals = []
    for label, sfreq, unit in rows:
        size = 0.5 if unit == "mV" else 30.0
        values = rng.normal(0, size, round(sfreq * 30 * n_epochs))
        values = values.clip(-5 * size, 5 * size)
        signals.append(
            edfio.EdfSignal(values, sfreq, label=label, physical_dimension=unit)
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    edfio.Edf(
        signals,
        recording=edfio.Recording(startdate=start[0]),
        starttime=start[1],
        annotations=annotations,
    ).write(path)
    return {signal.label: signal.data for signal in signals}


def profusion_xml(codes):
    """Stages of Compumedics Profusion: an integer an epoch."""
    stages = "".join(f"<SleepStage>{code}</SleepStage>" for code in codes)
    return (
        "<CMPStudyConfig><EpochLength>30</EpochLength><SleepStages>"
        f"{stages}</SleepStages></CMPStudyConfig>"
    )


def nsrr_xml(codes):
    """Stages of the NSRR: an event a run, behind the start and other events."""
    changes = [i for i, code in enumerate(codes) if i == 0 or code != codes[i - 1]]
    ends = [*changes[1:], len(codes)]
    events = [("", "Recording Start Time", 0, 30 * len(codes))]
    events += [("Respiratory|Respiratory", "Hypopnea|Hypopnea", 31.4, 12.5)]
    events += [
        ("Stages|Stages", f"Stage {codes[a]} sleep|{codes[a]}", 30 * a, 30 * (b - a))
        for a, b in zip(changes, ends, strict=True)
    ]
    text = "".join(
        f"<ScoredEvent><EventType>{kind}</EventType><EventConcept>{concept}"
        f"</EventConcept><Start>{start:.1f}</Start><Duration>{duration:.1f}</Duration>"
        "</ScoredEvent>\r\n"
        for kind, concept, start, duration in events
    )
    return (
        "<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents>"
        f"{text}</ScoredEvents></PSGAnnotation>"
    )


def write_shhs(root, number, codes, *, visit=1, rows=SHHS_ROWS, n_epochs=None):
    """Write a night with both formats of its stages; return the samples by label."""
    name = f"shhs{visit}-{number}"
    folder = root / "polysomnography"
    n_epochs = len(codes) if n_epochs is None else n_epochs
    samples = write_edf(
        folder / "edfs" / f"shhs{visit}" / f"{name}.edf", rows, n_epochs, seed=number
    )
    for kind, suffix, text in (
        (PROFUSION, "profusion", profusion_xml(codes)),
        (NSRR, "nsrr", nsrr_xml(codes)),
    ):
        path = folder / kind / f"shhs{visit}" / f"{name}-{suffix}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return samples
