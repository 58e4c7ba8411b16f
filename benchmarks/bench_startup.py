"""Time what the command needs before it does anything, here and in another checkout.

    python benchmarks/bench_startup.py OTHER

OTHER is the folder of another checkout, run by the same Python. Each command runs in
both in turn; printed are medians of wall and of processor time, and their ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
METHODS = ("medfusesleep", "sleepmg")
LABELS = {"eeg": "C4-M1", "eog": "E1-M2", "emg": "Chin"}


def write_files(folder):
    """Half an hour of EDF, and small nets that were trained for a moment."""
    import edfio

    from sleepkit.datasets import make_polysomnography
    from sleepkit.persistence import save_model

    X, y, _ = make_polysomnography(
        4, hours=0.5, modalities=tuple(LABELS), random_state=0
    )
    channels = [
        edfio.EdfSignal(
            signal.data[0].astype(float),
            signal.sfreq,
            label=LABELS[name],
            physical_dimension="uV",
        )
        for name, signal in X.recordings[0].signals.items()
    ]
    edfio.Edf(channels).write(folder / "night.edf")
    for name in METHODS:
        stager = make(name, folder).set_params(stage__max_epochs=1)
        path = folder / f"{name}.model"
        save_model(stager.fit(X, y), path, about={"modalities": list(LABELS)})


def make(name, folder):
    """A stager of the checkout that runs this."""
    try:
        from sleepkit.pipelines import make_stager
    except ImportError:  # a checkout from before there was this package
        from sleepkit.cli._stagers import make_stager

        return make_stager(name, folder / "cache")
    return make_stager(name, random_state=0)


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
    for name in METHODS:
        model = folder / f"{name}.model"
        arguments = ["stage", night, "--model", model, "--out", folder / "out"]
        found[f"stage, {name}"] = (arguments, 0)
    return found


def run(checkout, arguments, bytecode, code=0):
    """Run Python with the sleepkit of a checkout, and keep its bytecode in a folder."""
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as where it is installed
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, check=False
    )
    if done.returncode != code:
        sys.exit(f"{command} in {checkout} failed:\n{done.stderr.decode()}")


def seconds(checkout, arguments, code, bytecode):
    """Wall and processor time of one run."""
    if "--out" in arguments:  # no file is replaced
        shutil.rmtree(arguments[-1], ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    run(checkout, ["-m", "sleepkit", *arguments], bytecode, code)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, spent


def main():
    """Run all commands in both checkouts, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.write:
        write_files(chosen.other)
        return
    print("| command | wall, there | here | ratio | CPU, there | here | ratio |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folders = {
            chosen.other.resolve(): Path(name, "there"),
            HERE: Path(name, "here"),
        }
        for checkout, folder in folders.items():
            folder.mkdir()  # each has model files of its own format
            script = Path(__file__).resolve()
            run(checkout, [script, "--write", folder], folder.parent / "bytecode")
        for title in commands(HERE):
            print_row(title, folders, chosen.runs)


def print_row(title, folders, n_runs):
    """Time one command in both checkouts, in turn."""
    spent = {checkout: [] for checkout in folders}
    for i in range(n_runs + 1):
        for checkout, folder in folders.items():
            bytecode = folder.parent / "bytecode"
            found = seconds(checkout, *commands(folder)[title], bytecode)
            if i:  # the first reads the disk
                spent[checkout].append(found)
    cells = []
    for kind in (0, 1):
        there, here = (statistics.median(t[kind] for t in s) for s in spent.values())
        cells += [f"{there:.2f} s", f"{here:.2f} s", f"{here / there:.2f}"]
    print(f"| {title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
