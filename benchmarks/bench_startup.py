"""Time what the command needs before it does anything, here and in another checkout.

    python benchmarks/bench_startup.py OTHER

OTHER is the folder of another checkout, run by the same Python. Each command runs in
both in turn; printed are medians of wall and of processor time, and their ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edfio

from sleepkit.datasets import make_polysomnography
from sleepkit.persistence import save_model
from sleepkit.pipelines import make_stager

HERE = Path(__file__).resolve().parents[1]
LABELS = {"eeg": "C4-M1", "eog": "E1-M2", "emg": "Chin"}


def write_night(path, night):
    """One channel a modality, as EDF."""
    channels = [
        edfio.EdfSignal(
            signal.data[0].astype(float),
            signal.sfreq,
            label=LABELS[name],
            physical_dimension="uV",
        )
        for name, signal in night.signals.items()
    ]
    edfio.Edf(channels).write(path)


def write_files(folder):
    """Half an hour of EDF, and a small net that has been trained for a moment."""
    X, y, _ = make_polysomnography(
        4, hours=0.5, modalities=tuple(LABELS), random_state=0
    )
    write_night(folder / "night.edf", X.recordings[0])
    for name in ("medfusesleep", "sleepmg"):
        stager = make_stager(name, random_state=0).set_params(stage__max_epochs=1)
        path = folder / f"{name}.model"
        save_model(stager.fit(X, y), path, about={"modalities": list(LABELS)})


def commands(folder):
    """The commands by name, each with its exit code."""
    night = folder / "night.edf"
    found = {
        "--version": (["--version"], 0),
        "--help": (["--help"], 0),
        "stage --help": (["stage", "--help"], 0),
        "wrong arguments": (["stage", night], 2),
        "info": (["info", night], 0),
    }
    for name in ("medfusesleep", "sleepmg"):
        model = folder / f"{name}.model"
        arguments = ["stage", night, "--model", model, "--out", folder / "out"]
        found[f"stage, {name}"] = (arguments, 0)
    return found


def seconds(checkout, arguments, code):
    """Wall and processor time of one run."""
    command = [sys.executable, "-m", "sleepkit", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, check=False
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != code:
        sys.exit(f"{command} in {checkout} failed:\n{done.stderr.decode()}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, spent


def main():
    """Run all commands, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    checkouts = (chosen.other.resolve(), HERE)
    print("| command | wall, there | here | ratio | CPU, there | here | ratio |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for title, (arguments, code) in commands(folder).items():
            runs = [
                [seconds(checkout, arguments, code) for checkout in checkouts]
                for _ in range(chosen.runs + 1)
            ][1:]  # the first reads the disk
            cells = []
            for kind in (0, 1):
                there, here = (
                    statistics.median(run[side][kind] for run in runs)
                    for side in (0, 1)
                )
                cells += [f"{there:.2f} s", f"{here:.2f} s", f"{here / there:.2f}"]
            print(f"| {title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
