"""Memory and restarts of `sleepkit prepare`, and training from its store.

    python benchmarks/bench_cohort_store.py [--nights 60 600] [--jobs 2] [--folder X]

Nights are 8 h of EEG and EOG, archived as SHHS is: a few files under many names. Each
size is prepared from scratch, by processes whose anonymous memory is sampled; the
largest is killed by SIGKILL when half of it is done, and resumed. A night takes 15 MB
of spectra in the store. The small MedFuseSleep trains on nights in memory, and on the
same nights in the store, in a control group whose memory, page cache included, is less
than the store takes (Linux, as root).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edfio
import numpy as np
from skorch.callbacks import Callback

sys.path.insert(0, str(Path(__file__).parents[1]))

from sleepkit.datasets import make_polysomnography
from sleepkit.pipelines import make_stager
from sleepkit.recording import EpochArray, open_store
from tests.datasets.trees import profusion_xml

HOURS, N_FILES = 8, 3
LIMIT = 1_000_000_000  # bytes
N_TRAINED = 100  # nights of 15 MB, half of which do not fit into that
TURNS = 3


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


class Clock(Callback):
    """Keeps the seconds from one training step to the next, by the class."""

    def on_train_begin(self, net, **kwargs):
        Clock.times = []

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            Clock.times.append(time.perf_counter())


def train(place, store, n_nights):
    """Train one pass, in this process, and print the mean seconds of a step."""
    X = EpochArray(open_store(store)[0].recordings[:n_nights])
    if place == "store":
        limit_memory()
    else:
        X = X.materialize()
    stager = make_stager("medfusesleep", random_state=0)[-1]
    stager.set_params(
        max_epochs=1, validation_fraction=0, n_threads=1, callbacks=[Clock()]
    )
    stager.fit(X, X.hypnogram)
    # Not the first step: the pass is opened before it.
    print(np.diff(Clock.times).mean())


def limit_memory():
    """Limit the memory of this process, the pages of files that it reads included."""
    group, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
    if not group.is_dir():
        group, name = group.parent, "memory.max"
    group /= "sleepkit-benchmark"
    group.mkdir(exist_ok=True)
    (group / name).write_text(str(LIMIT))
    (group / "cgroup.procs").write_text(str(os.getpid()))


def forget_pages(folder):
    """Drop the pages of all files of a folder that are in memory."""
    for path in folder.rglob("*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure_training(store, n_nights):
    """Train on nights in the store and in memory, each in a process, in turn."""
    size = sum(path.stat().st_size for path in store.glob("*/*.npy"))
    seconds = {"store": [], "memory": []}
    for _ in range(TURNS):
        for place, found in seconds.items():
            forget_pages(store)
            command = [sys.executable, __file__, "--train", place, store, n_nights]
            done = subprocess.run(
                list(map(str, command)), check=True, capture_output=True, text=True
            )
            found.append(float(done.stdout.split()[-1]))
    store_s, memory_s = (statistics.median(found) for found in seconds.values())
    print(
        f"a training step on {n_nights} nights: {1e3 * store_s:.1f} ms from the store "
        f"({size / 1e6:.0f} MB) in {LIMIT / 1e6:.0f} MB of memory, "
        f"{1e3 * memory_s:.1f} ms from memory: {memory_s / store_s:.0%} of its speed"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nights", type=int, nargs="+", default=[60, 600])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", help="where the nights and the stores go")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)  # one process
    arguments = parser.parse_args()
    if arguments.train:
        place, store, n_nights = arguments.train
        train(place, Path(store), int(n_nights))
        return
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
                measure_training(store, min(n_nights, N_TRAINED))
                shutil.rmtree(store)
                measure_restart(root, store, arguments.jobs, n_nights)
    if len(peaks) > 1:
        print(f"ratio of the largest workers {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()
