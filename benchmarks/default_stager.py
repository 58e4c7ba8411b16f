"""The stager that comes with sleepkit on recordings that had no part in its training.

    python benchmarks/default_stager.py --out docs/results

SLEEPKIT_REAL_DATA names the folder that has them. YASA stages them too where it is
installed. What is to be said about the figures is written by hand in
default_stager_findings.inc, beside the page.
"""

from __future__ import annotations

import argparse
import os
import textwrap
import warnings
from pathlib import Path

import numpy as np
from common import TO, heading, include_findings, table
from expert_pairs import experts_table
from spectra_night import spectra_table

from sleepkit._stages import STAGES
from sleepkit.io import read_recording
from sleepkit.metrics import expected_calibration_error, staging_scores
from sleepkit.persistence import load_model
from sleepkit.pipelines import stage_night
from sleepkit.pretrained import load_stager
from sleepkit.recording import Recording, Signal

TITLE = "The default stager on other laboratories' recordings"
ABOUT = """Excerpts of half an hour of four patients (DREAMS, scored by the older rules)
and 84 minutes of one subject (pyDYNAM-O), none of which had a part in training or
calibration. "seed 1" and "seed 2" are two further trainings, with other simulated
subjects, by ``sleepkit pretrain --seed``. Intervals: 95 %, bootstrap over stretches of
ten epochs. Made by ``python benchmarks/default_stager.py --out docs/results --model
"seed 1.model" "seed 2.model"``."""
SPECTRA = """One subject of polydodo (MIT), 942 epochs, published as spectra: staged by
the members of the default stager for band powers and for fine bands of the EEG, and by
both together, which count alike. No part of it was in the training. Kappa of the whole
night, and of its parts, each staged as a recording of its own."""
EXPERTS = """A night of each of 25 healthy subjects (DOD-H), scored by five experts
(MIT, dreem-learning-evaluation): kappa of two of them over the epochs that both have
scored. Half hours are drawn at random from those of which both have scored 55 of 60
epochs, and the first of them into three stages or more, as the excerpts have; four are
of four subjects, by the same two. 2,000 draws, which share nights and experts."""
_DREAMS = {5: 0, 4: 4, 3: 1, 2: 2, 1: 3, 0: 3}
_RATES = {1: 100, 2: 200, 3: 50, 4: 200}
_PYDYNAMO = {5: 0, 4: 4, 3: 1, 2: 2, 1: 3}
_SCORED_EVERY = 5  # seconds of a label of DREAMS
_BLOCK = 10  # epochs
_LEAST_RATE_OF_YASA = 80  # Hz


def dreams(folder, number):
    """An excerpt with its EEG channel, and the majority of the labels of an epoch."""
    eeg = np.loadtxt(folder / f"excerpt{number}.txt", skiprows=1)
    labels = np.loadtxt(folder / f"Hypnogram_excerpt{number}.txt", skiprows=1)
    labels = np.array([_DREAMS.get(int(label), -1) for label in labels])
    epochs = labels.reshape(-1, 30 // _SCORED_EVERY)
    stages = [
        np.bincount(row[row >= 0], minlength=5).argmax() if (row >= 0).any() else -1
        for row in epochs
    ]
    return night(f"DREAMS {number}", eeg, _RATES[number], stages)


def pydynamo(folder):
    """The segment with its EEG channel."""
    eeg = np.loadtxt(folder / "segment_data.csv", delimiter=",").ravel()
    rows = np.loadtxt(folder / "segment_stages.csv", delimiter=",", skiprows=1)
    n_epochs = len(eeg) // 3000
    middle = 30 * np.arange(n_epochs) + 15
    at = np.searchsorted(rows[:, 0], middle, side="right") - 1
    return night(
        "pyDYNAM-O", eeg, 100, [_PYDYNAMO.get(int(stage), -1) for stage in rows[at, 1]]
    )


def night(name, eeg, sfreq, stages):
    """A recording of one EEG channel, as long as its stages."""
    n_samples = len(stages) * 30 * sfreq
    eeg = np.pad(eeg[:n_samples], (0, max(0, n_samples - len(eeg))))
    signals = {"eeg": Signal(eeg[np.newaxis], sfreq, ["EEG"])}
    return Recording(id=name, subject=name, signals=signals, hypnogram=stages)


def probabilities(stager, recording):
    """Of each epoch; the warnings of a stretch are those of the command."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(stage_night(stager, recording).hypnogram.probabilities)


def by_yasa(recording):
    """Stages by YASA, from the EEG alone."""
    import mne
    import yasa

    signal = recording.signals["eeg"]
    info = mne.create_info(["EEG"], signal.sfreq, "eeg")
    raw = mne.io.RawArray(signal.data[:1] * 1e-6, info, verbose="error")
    codes = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 4, "REM": 4, "WAKE": 0}
    if signal.sfreq < _LEAST_RATE_OF_YASA:
        raw.resample(100, verbose="error")
    found = yasa.SleepStaging(raw, eeg_name="EEG").predict()
    found = getattr(found, "hypno", found)
    return np.array([codes[str(stage).upper()] for stage in found])


def kappa(y, stages):
    """Kappa of the scored epochs, with its interval."""
    scored = y >= 0
    y, stages = y[scored], stages[scored]
    blocks = np.array_split(np.arange(len(y)), -(-len(y) // _BLOCK))
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(500):
        rows = np.concatenate(
            [blocks[i] for i in rng.integers(0, len(blocks), len(blocks))]
        )
        draws.append(staging_scores(y[rows], stages[rows])["kappa"])
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return f"{staging_scores(y, stages)['kappa']:.3f} ({low:.2f}{TO}{high:.2f})"


def eeg_alone(stagers, recordings):
    """Rows of the table of single EEG channels: pooled excerpts, then each."""
    groups = {"DREAMS 1 to 4": recordings[:-1]}
    groups |= {recording.id: [recording] for recording in recordings}
    staged = {
        (name, recording.id): probabilities(stager, recording)
        for name, stager in stagers.items()
        for recording in recordings
    }
    yasa = {}
    try:
        yasa = {recording.id: by_yasa(recording) for recording in recordings}
    except ImportError:
        print("YASA is not installed: its column is left out.")
    rows = []
    for title, members in groups.items():
        y = np.concatenate([np.asarray(each.hypnogram) for each in members])
        cells = []
        for name in stagers:
            proba = np.concatenate([staged[name, each.id] for each in members])
            scored = y >= 0
            error = expected_calibration_error(y[scored], proba[scored])
            cells += [kappa(y, proba.argmax(1)), f"{error:.3f}"]
        if yasa:
            cells.append(kappa(y, np.concatenate([yasa[each.id] for each in members])))
        rows.append([title, *cells])
    titles = ["recording"]
    for name in stagers:
        titles += [f"kappa, {name}", "calibration error"]
    return table([*titles, *(["YASA"] if yasa else [])], rows), staged


def confusion_table(staged, stagers, recordings):
    """Epochs of all recordings by expert and by the first stager."""
    name = next(iter(stagers))
    y = np.concatenate([np.asarray(each.hypnogram) for each in recordings])
    found = np.concatenate([staged[name, each.id].argmax(1) for each in recordings])
    rows = [
        [stage, *((y == i) & (found == j) for j in range(5))]
        for i, stage in enumerate(STAGES)
    ]
    rows = [[stage, *(int(cell.sum()) for cell in cells)] for stage, *cells in rows]
    return table(["expert", *STAGES], rows)


def multimodal(stagers, folder, stages):
    """Rows of excerpt 3: each EEG channel, and with EOG and EMG."""
    path = folder / "excerpt3.edf"
    rows = []
    sets = {name: {"eeg": [name]} for name in ("C3-A1", "FP1-A1", "O1-A1")}
    more = {"eog": ["EOG1-A1"], "emg": ["EMG1"]}
    sets |= {
        f"{name}, EOG, EMG": {**sets[name], **more} for name in ("C3-A1", "FP1-A1")
    }
    sets["EOG"] = {"eog": more["eog"]}
    for title, channels in sets.items():
        recording = read_recording(path, channels=channels, hypnogram=stages)
        cells = [
            kappa(stages, probabilities(stager, recording).argmax(1))
            for stager in stagers.values()
        ]
        rows.append([title, *cells])
    return table(["excerpt 3 of DREAMS", *stagers], rows)


def main():
    """Stage the recordings, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="*", help="further trainings")
    args = parser.parse_args()
    stagers = {"default": load_stager("default")}
    stagers |= {path.stem: load_model(path) for path in args.model or ()}
    folder = Path(os.environ["SLEEPKIT_REAL_DATA"])
    recordings = [dreams(folder / "dreams", number) for number in _RATES]
    recordings.append(pydynamo(folder / "pydynamo"))
    alone, staged = eeg_alone(stagers, recordings)
    path = args.out / "default_stager.rst"
    third = np.asarray(recordings[2].hypnogram)
    parts = [
        heading(TITLE, "="),
        textwrap.fill(" ".join(ABOUT.split()), 88) + "\n",
        include_findings(path),
        heading("One EEG channel"),
        alone,
        "All of them by expert (rows) and stager (columns):\n",
        confusion_table(staged, stagers, recordings),
        heading("Other channels, and several modalities"),
        multimodal(stagers, folder / "dreams", third),
        heading("A night of spectra, whole and cut"),
        textwrap.fill(" ".join(SPECTRA.split()), 88) + "\n",
        spectra_table(stagers["default"], folder / "openbci_night"),
        heading("Two experts on the same half hours"),
        textwrap.fill(" ".join(EXPERTS.split()), 88, break_on_hyphens=False) + "\n",
        experts_table(folder / "dod_scorers"),
    ]
    path.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
