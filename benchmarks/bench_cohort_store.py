"""Memory and restarts of `sleepkit prepare`, and batches read from its store.

    python benchmarks/bench_cohort_store.py [--nights 60 600] [--jobs 2] [--folder X]

Nights are 8 h of EEG and EOG, archived as SHHS is: a few files under many names. Each
size is prepared from scratch, by processes whose anonymous memory is sampled; the
largest is killed by SIGKILL when half of it is done, and resumed. A night takes 15 MB
of spectra in the store. Batches are read from the store, in the page cache, and from
memory.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edfio
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.common import in_turn
from sleepkit.datasets import make_polysomnography
from sleepkit.recording import EpochArray, open_store
from sleepkit.training import Batches, RecordingSource
from tests.datasets.trees import profusion_xml

HOURS, N_FILES = 8, 3
BATCH, LENGTH = 16, 20
N_STREAMED = 20  # nights, which fit in memory


def write_nights(root, n_nights):
    """Write a few simulated nights, and link the others to them."""
    signals, stages = (root / name for name in ("edfs", "annotations"))
    for folder in (signals, stages):
        folder.mkdir(parents=True)
    n_files = min(N_FILES, n_nights)
    X, _, _ = make_polysomnography(
        n_files, hours=HOURS, modalities=("eeg", "eog"), random_state=0
    )
    for i, night in enumerate(X.recordings):
        eeg, eog = (night.signals[name] for name in ("eeg", "eog"))
        rows = [("EEG", eeg, 1), ("EOG(L)", eog, 0.5), ("EOG(R)", eog, -0.5)]
        channels = [
            edfio.EdfSignal(
                (sign * signal.data[0]).astype(float),
                signal.sfreq,
                label=label,
                physical_dimension="uV",
            )
            for label, signal, sign in rows
        ]
        edfio.Edf(channels).write(signals / name_of(i, ".edf"))
        codes = np.array([0, 1, 2, 3, 5])[night.hypnogram]
        text = profusion_xml(codes.tolist())
        (stages / name_of(i, "-profusion.xml")).write_text(text)
    for i in range(n_files, n_nights):
        for folder, suffix in ((signals, ".edf"), (stages, "-profusion.xml")):
            file = folder / name_of(i % n_files, suffix)
            os.link(file, folder / name_of(i, suffix))


def name_of(i, suffix):
    """Name a file as the NSRR does."""
    return f"shhs1-{200001 + i}{suffix}"


def start(root, store, n_jobs):
    """Start ``sleepkit prepare`` with its workers, in a process group."""
    command = [sys.executable, "-m", "sleepkit", "prepare", root, "--cohort", "shhs"]
    command += ["--modalities", "eeg", "eog", "--out", store, "--jobs", str(n_jobs)]
    return subprocess.Popen(
        list(map(str, command)),
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def watch(process, until=lambda: False):
    """Sample the anonymous memory of each process until all end; return the peaks."""
    peaks = {}
    while process.poll() is None and not until():
        for pid in [process.pid, *children_of(process.pid)]:
            peaks[pid] = max(peaks.get(pid, 0), anonymous(pid))
        time.sleep(0.05)
    return peaks


def children_of(pid):
    """List the processes below one."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = [int(child) for child in file.read_text().split()]
        except OSError:
            continue
        for child in pids:
            found += [child, *children_of(child)]
    return found


def anonymous(pid):
    """Read how many bytes of memory of a process have no file behind them."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return 1024 * int(found.get("RssAnon", "0").split()[0])


def finished(store):
    """Time stamps of the nights that are in a store."""
    return {path: path.stat().st_mtime_ns for path in store.glob("*/manifest.json")}


def end(process):
    """Wait for a process that must succeed."""
    _, error = process.communicate()
    if process.returncode:
        sys.exit(error.decode())


def measure_memory(root, store, n_jobs):
    """Prepare a cohort; return seconds, and peaks of the main process and a worker."""
    started = time.perf_counter()
    process = start(root, store, n_jobs)
    peaks = watch(process)
    end(process)
    seconds = time.perf_counter() - started
    main = peaks.pop(process.pid)
    return seconds, main, max(peaks.values(), default=main)


def measure_restart(root, store, n_jobs, n_nights):
    """Kill a run in the middle, and resume; count nights kept, lost and recomputed."""
    process = start(root, store, n_jobs)
    watch(process, lambda: len(finished(store)) >= n_nights // 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = finished(store)
    started = time.perf_counter()
    end(start(root, store, n_jobs))
    after = finished(store)
    again = sum(after[path] != stamp for path, stamp in before.items())
    print(
        f"killed after {len(before)} of {n_nights} nights, resumed in "
        f"{time.perf_counter() - started:.1f} s: {again} of the finished nights "
        f"computed again, {len(after)} in the store"
    )


def batches_of(X):
    """One training pass over the nights."""
    source = RecordingSource(X)
    stages = np.full(len(source.night), -1)
    stages[source.row_to_epoch] = X.hypnogram
    return Batches(
        source,
        {"stages": stages},
        BATCH,
        length=LENGTH,
        rng=np.random.default_rng(0),
    )


def measure_batches(store):
    """Time a pass over batches from files and from memory, in turn."""
    X, _, _ = open_store(store)
    X = EpochArray(X.recordings[:N_STREAMED])
    in_memory = X.materialize()
    for (one, _), (other, _) in zip(batches_of(X), batches_of(in_memory), strict=True):
        for name, values in one["inputs"].items():
            np.testing.assert_array_equal(values, other["inputs"][name])
    passes = {"store": batches_of(X), "memory": batches_of(in_memory)}
    seconds = in_turn(
        {name: lambda b=batches: sum(1 for _ in b) for name, batches in passes.items()},
        5,
    )
    print(
        f"a pass over {len(X.recordings)} nights in batches of {BATCH} x {LENGTH}: "
        f"{seconds['store']:.2f} s from the store, {seconds['memory']:.2f} s from "
        f"memory, ratio {seconds['store'] / seconds['memory']:.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nights", type=int, nargs="+", default=[60, 600])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", help="where the nights and the stores go")
    arguments = parser.parse_args()
    peaks = []
    for n_nights in arguments.nights:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            root, store = Path(folder, "shhs"), Path(folder, "store")
            write_nights(root, n_nights)
            seconds, own, worker = measure_memory(root, store, arguments.jobs)
            peaks.append(worker)
            print(
                f"{n_nights} nights in {seconds:.1f} s: anonymous memory of the "
                f"largest worker {worker / 1e6:.0f} MB, of the main process "
                f"{own / 1e6:.0f} MB",
                flush=True,
            )
            if n_nights == max(arguments.nights):
                measure_batches(store)
                shutil.rmtree(store)
                measure_restart(root, store, arguments.jobs, n_nights)
    if len(peaks) > 1:
        print(f"ratio of the largest workers {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()
