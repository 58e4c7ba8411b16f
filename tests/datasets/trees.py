"""Tiny cohorts on disk, laid out, named and formatted as their archives are."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta

import edfio
import numpy as np
import pytest
import scipy.io

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


ISRUC_FAMILIES = {
    "A": "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 X1 X2 X3 DC3 SaO2",
    "B": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 X1 X2 X3 DC4 SpO2",
    "C": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 24 25 26 DC01 SpO2",
    "D": "ROC A1 LOC A2 C4 O2 C3 O1 F4 F3 X1 X2 X3 DC8 SaO2",
}


def write_isruc(folder, number, first, second=None, *, family="A", tail=0):
    """Write ``NUMBER.rec`` with the stages of two scorers; return the samples.

    The recording has `tail` epochs more than the stages.
    """
    rows = [
        (label, 1 if label in ("SaO2", "SpO2") else 200, "uV")
        for label in ISRUC_FAMILIES[family].split()
    ]
    samples = write_edf(folder / f"{number}.rec", rows, len(first) + tail, seed=number)
    for scorer, codes in enumerate((first, second), 1):
        if codes is not None:  # blank lines at the end occur
            text = "\r\n".join(map(str, codes)) + "\r\n\r\n"
            (folder / f"{number}_{scorer}.txt").write_text(text)
    return samples


def write_isruc_mat(path, n_epochs, names="F3_A2 C3_A2 C4_A1 LOC_A2 ROC_A1 X1 X2"):
    """Write extracted channels, (n_epochs, 6000) each; return them by name."""
    rng = np.random.default_rng(0)
    channels = {name: rng.normal(0, 20, (n_epochs, 6000)) for name in names.split()}
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, channels)
    return channels


SLEEP_EDF_ROWS = {  # cassette and telemetry
    "SC": (
        ("EEG Fpz-Cz", 100, "uV"),
        ("EEG Pz-Oz", 100, "uV"),
        ("EOG horizontal", 100, "uV"),
        ("Resp oro-nasal", 1, ""),
        ("EMG submental", 1, "uV"),
        ("Temp rectal", 1, "DegC"),
        ("Event marker", 1, ""),
    ),
    "ST": (
        ("EEG Fpz-Cz", 100, "uV"),
        ("EEG Pz-Oz", 100, "uV"),
        ("EOG horizontal", 100, "uV"),
        ("EMG submental", 100, "uV"),
        ("Marker", 10, ""),
    ),
}
SLEEP_EDF_STARTS = {
    "SC": (date(1989, 4, 24), time(16, 13)),
    "ST": (date(1994, 7, 12), time(23, 0)),
}


def stage_runs(names, seconds, onset=0.0):
    """Annotations of stages, one a run of equal names; ``M`` is movement time."""
    changes = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    return [
        edfio.EdfAnnotation(
            onset + seconds * a,
            seconds * (b - a),
            "Movement time" if names[a] == "M" else f"Sleep stage {names[a]}",
        )
        for a, b in zip(changes, [*changes[1:], len(names)], strict=True)
    ]


def write_sleep_edf(root, psg, scorer, names, *, tail=0, start=None, later=0, **kwargs):
    """Write ``SC4001E0-PSG.edf`` and its hypnogram; return the samples by label.

    The hypnogram ends with `tail` unscored epochs beyond the signals, starts `later`
    seconds after them, and has data records of duration 0.
    """
    kind = psg[:2]
    folder = root / {"SC": "sleep-cassette", "ST": "sleep-telemetry"}[kind]
    day, clock = start or SLEEP_EDF_STARTS[kind]
    rows = kwargs.get("rows", SLEEP_EDF_ROWS[kind])
    samples = write_edf(
        folder / f"{psg}-PSG.edf",
        rows,
        kwargs.get("n_epochs", len(names)),
        start=(day, clock),
        annotations=[] if kind == "SC" else None,
        seed=int(psg[2:6]),
    )
    moment = datetime.combine(day, clock) + timedelta(seconds=later)
    edfio.Edf(
        [],
        recording=edfio.Recording(startdate=moment.date()),
        starttime=moment.time(),
        annotations=stage_runs([*names, *"?" * tail], 30),
    ).write(folder / f"{psg[:7]}{scorer}-Hypnogram.edf")
    return samples


def mass_rows(reference="CLE", ear=True, chins=("Chin1", "Chin2", "Chin3")):
    """Channels of a subset with a linked-ear reference: ``CLE`` or ``LER``."""
    electrodes = ["C3", "C4", "F3", "F4", "O1", "O2", *(["A2"] if ear else [])]
    labels = [f"EEG {name}-{reference}" for name in electrodes]
    labels += ["EOG Left Horiz", "EOG Right Horiz"]
    labels += [f"EMG {name}" for name in chins]
    rows = [(label, 256, "uV") for label in labels]
    return (*rows, ("ECG ECGI", 512, "uV"), ("Resp Belt Abdo", 128, "uV"))


MASS_EVENTS = tuple(
    edfio.EdfAnnotation(onset, duration, f'<Event channel="EEG C4-LER" {text} />')
    for onset, duration, text in (
        (20.0, 3.5, 'groupName="MicroArousal" scorer="Expert1"'),
        (31.25, 8.0, 'groupName="EMGArtefact" sleepStage="2"'),
    )
)


def write_mass(folder, key, names, *, seconds=30, onset=17.84375, **kwargs):
    """Write ``01-03-0001 PSG.edf`` and files of its stages; return the samples.

    The stages, one annotation each, begin at a fraction of a second, and the signals
    last `after` seconds beyond them. `labels` are the names of the files of stages;
    ``Annotations`` hold events too, in XML.
    """
    start = date(2000, 1, 1), time(23, 59, 50)
    after = kwargs.get("after", 12.0)
    n_epochs = int(onset + seconds * len(names) + after) / 30
    samples = write_edf(
        folder / f"{key} PSG.edf",
        kwargs.get("rows", mass_rows()),
        n_epochs,
        start=start,
        annotations=[],
        seed=int(key[-4:]),
    )
    stages = [
        edfio.EdfAnnotation(onset + seconds * i, seconds, f"Sleep stage {name}")
        for i, name in enumerate(names)
    ]
    for label in kwargs.get("labels", ("Base.edf",)):
        path = folder / f"{key} {label}"
        if label.endswith(".txt"):
            rows = [f"{a.onset},{a.duration},{a.text}\n" for a in stages]
            path.write_text("Onset,Duration,Annotation\n" + "".join(rows))
            continue
        edfio.Edf(
            [],
            recording=edfio.Recording(startdate=start[0]),
            starttime=start[1],
            annotations=[*stages, *(MASS_EVENTS if "Anno" in label else ())],
        ).write(path)
    return samples


HMC_ROWS = tuple(
    (label, 256, "uV")
    for label in (
        "EEG F4-M1",
        "EEG C4-M1",
        "EEG O2-M1",
        "EEG C3-M2",
        "EMG chin",
        "EOG E1-M2",
        "EOG E2-M2",
        "ECG",
    )
)


def write_hmc(
    folder, number, stages, *, kinds=("edf", "txt"), rows=HMC_ROWS, onset=0, lights=()
):
    """Write ``SN001.edf`` and its stages in both formats; return the samples.

    The stages begin `onset` seconds into the recording; `lights` are its seconds of
    lights off and on, in turn.
    """
    name = f"SN{number:03}"
    n_epochs = len(stages) + (onset > 0)
    samples = write_edf(folder / f"{name}.edf", rows, n_epochs, seed=number)
    events = [(onset + 30 * i, 30, f"Sleep stage {s}") for i, s in enumerate(stages)]
    events += [
        (time, 0, "Lights on" if i % 2 else "Lights off")
        for i, time in enumerate(lights)
    ]
    events.sort(key=lambda event: event[0])
    if "edf" in kinds:
        annotations = [
            edfio.EdfAnnotation(
                begin,
                duration or None,
                text if duration else f"{text}@@EEG F4-A1",
            )
            for begin, duration, text in events
        ]
        edfio.Edf([], annotations=annotations).write(
            folder / f"{name}_sleepscoring.edf"
        )
    if "txt" in kinds:
        lines = [
            "Date, Time, Recording onset, Duration, Annotation, Linked channel",
            *(
                f"2018-01-01, {22 + begin // 3600:02.0f}:{begin // 60 % 60:02.0f}:"
                f"{begin % 60:02.0f}, {begin}, {duration}, {text}, EEG F4-A1"
                for begin, duration, text in events
            ),
        ]
        (folder / f"{name}_sleepscoring.txt").write_text("\r\n".join(lines) + "\r\n")
    return samples


DOD_ROWS = ("eeg/C3_M2", "eeg/F4_M1", "eog/EOG1", "eog/EOG2", "emg/EMG", "emg/ECG")


def write_dod(folder, name, stages, *, rows=DOD_ROWS, n_epochs=None):
    """Write ``UUID.h5`` with its stages; return the samples by label."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    n_epochs = len(stages) if n_epochs is None else n_epochs
    samples = {}
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / f"{name}.h5", "w") as file:
        file["hypnogram"] = np.array(stages, np.int64)
        for row in rows:
            values = rng.normal(0, 20, n_epochs * 30 * 250).astype(np.float32)
            file.create_dataset(f"signals/{row}", data=values, compression="gzip")
            samples[row.partition("/")[2]] = values
        file.attrs["description"] = json.dumps(
            [{"path": f"signals/{row}", "fs": 250, "unit": "uV"} for row in rows]
        )
    return samples


def write_dod_scorers(root, name, scorings):
    """Write ``scorer_1/UUID.json`` and so on."""
    for number, stages in enumerate(scorings, 1):
        path = root / f"scorer_{number}" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(np.asarray(stages).tolist()))


CAP_ROWS = tuple(
    (label, 128, "uV")
    for label in ("Fp2-F4", "F4-C4", "C4-A1", "ROC-LOC", "EMG1-EMG2", "ECG1-ECG2")
)
CAP_EVENTS = {
    "W": "SLEEP-S0",
    "R": "SLEEP-REM",
    "MT": "SLEEP-MT",
    **{stage: f"SLEEP-{stage}" for stage in ("S1", "S2", "S3", "S4")},
}


def write_cap(
    folder, name, stages, *, rows=CAP_ROWS, lead=0, position=True, colon=":", n_epochs=0
):
    """Write ``n1.edf`` and its export of RemLogic; return the samples.

    The stages begin `lead` seconds into the recording, which starts at 23:58:30; a
    phase of the cyclic alternating pattern, within one epoch and the next, is among
    them.
    """
    start = time(23, 58, 30)
    n_epochs = n_epochs or len(stages) + -(-lead // 30)
    samples = write_edf(
        folder / f"{name}.edf", rows, n_epochs, start=(date(2009, 1, 1), start)
    )
    events = [
        (30 * i, stage, CAP_EVENTS[stage], 30, "ROC-LOC")
        for i, stage in enumerate(stages)
    ]
    events.append((20, stages[0], "MCAP-A1", 15, "C4-A1"))
    titles = ["Sleep Stage", "Position", "Time [hh:mm:ss]", "Event", "Duration[s]"]
    lines = [[*titles, "Location"]]
    for begin, stage, event, duration, place in sorted(events):
        seconds = 23 * 3600 + 58 * 60 + 30 + lead + begin
        clock = [seconds // 3600 % 24, seconds // 60 % 60, seconds % 60]
        moment = colon.join(f"{part:02}" for part in clock)
        lines.append([stage, "Unknown Position", moment, event, str(duration), place])
    if not position:
        lines = [[line[0], *line[2:]] for line in lines]
    head = (
        f"Patient:\t{name}\r\nRecording Date:\t01/01/2009\r\n\r\nScoring Session:\r\n"
    )
    text = head + "".join("\t".join(line) + "\r\n" for line in lines)
    (folder / f"{name}.txt").write_text(text, newline="")
    return samples


DCSM_LABELS = ("F3-M2", "C3-M2", "C4-M1", "E1-M2", "E2-M2", "CHIN", "ECG-II")


def write_dcsm(root, name, runs, *, labels=DCSM_LABELS, kind="h5"):
    """Write ``FOLDER/psg.h5`` (in volts) or ``psg.edf`` with its runs of stages.

    Return the samples in microvolts by label.
    """
    folder = root / name
    folder.mkdir(parents=True)
    start, lines = 0, []
    for stage, n_epochs in runs:
        lines.append(f"{start},{30 * n_epochs},{stage}\n")
        start += 30 * n_epochs
    (folder / "hypnogram.ids").write_text("".join(lines))
    if kind == "edf":
        rows = [(label, 256, "uV") for label in labels]
        return write_edf(folder / "psg.edf", rows, start // 30)
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    samples = {label: rng.normal(0, 20, start * 256) for label in labels}
    with h5py.File(folder / "psg.h5", "w") as file:
        file.attrs["sample_rate"] = 256
        for label, values in samples.items():
            file[f"channels/{label}"] = (values * 1e-6).astype(np.float32)
    return samples


def write_notes(folder, record, extension, notes, sfreq):
    """Write annotations of WFDB: seconds and text."""
    wfdb = pytest.importorskip("wfdb")

    wfdb.wrann(
        record,
        extension,
        np.array([round(onset * sfreq) for onset, _ in notes]),
        ['"'] * len(notes),
        aux_note=[text for _, text in notes],
        write_dir=str(folder),
    )


PHYSIONET2018_LABELS = (
    *("F3-M2", "F4-M1", "C3-M2", "C4-M1", "O1-M2", "O2-M1", "E1-M2", "Chin1-Chin2"),
    *("ABD", "CHEST", "AIRFLOW", "SaO2", "ECG"),
)


def write_physionet2018(
    root, name, notes, n_epochs, *, labels=PHYSIONET2018_LABELS, part="training"
):
    """Write ``tr03-0005/tr03-0005.mat``, its header and its annotations.

    The signals are a matrix of MATLAB 4 behind 24 bytes, an integer a microvolt.
    """
    folder = root / part / name
    folder.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(0).normal(0, 20, (len(labels), n_epochs * 6000))
    values = values.round().astype(np.int16)
    scipy.io.savemat(folder / f"{name}.mat", {"val": values}, format="4")
    lines = [f"{name} {len(labels)} 200 {values.shape[1]}"]
    for label, row in zip(labels, values, strict=True):
        unit = "%" if label == "SaO2" else "uV"
        check = int(row.astype(np.int64).sum()) % 65536
        lines.append(f"{name}.mat 16+24 1/{unit} 16 0 {row[0]} {check} 0 {label}")
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    if notes:
        write_notes(folder, name, "arousal", notes, 200)
    return dict(zip(labels, values, strict=True))


SLPDB_ROWS = (
    *(("ECG", "mV"), ("BP", "mmHg"), ("EEG (C4-A1)", "mV"), ("Resp (sum)", "l")),
    *(("EOG (right)", "mV"), ("EMG", "mV")),
)


def write_slpdb(folder, name, notes, n_epochs, *, rows=SLPDB_ROWS):
    """Write ``slp01a.hea``, ``.dat`` in format 212 and ``.st``; return the samples."""
    wfdb = pytest.importorskip("wfdb")

    folder.mkdir(parents=True, exist_ok=True)
    labels, units = zip(*rows, strict=True)
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.02, (n_epochs * 7500, len(rows)))
    wfdb.wrsamp(
        name,
        250,
        list(units),
        list(labels),
        values,
        fmt=["212"] * len(rows),
        write_dir=str(folder),
    )
    if notes:
        write_notes(folder, name, "st", notes, 250)
    return dict(zip(labels, values.T, strict=True))
