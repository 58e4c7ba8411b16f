"""Unusual loads: whether results are the same as without them, and what they cost.

    python benchmarks/bench_load.py [--only memory]

Each case compares two ways of the same work in one run and raises an error if their
results differ. It prints how equal they are and the ratio of their wall times. The
case of little memory needs Linux; where the system lets this process make a memory
cgroup, the pages of files are limited too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bench_training_memory as training
import numpy as np
from bench_preprocessing import sleepkit_nights, write_night
from bench_promises import write_channels
from bench_threads import busy

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.io import read_recording
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray

BITS, ROUNDING = "equal bits", "equal to rounding"
LIMIT = 400_000_000  # bytes, for 1.2 GB of spectra
ENOUGH_PAGES = 700_000_000  # with what Python and torch take


def small_net(seed=0, **changes):
    """A net that is fitted in seconds."""
    sizes = {"d_model": 16, "n_heads": 2, "n_layers": 1, "dim_feedforward": 32}
    plan = {"max_epochs": 2, "validation_fraction": 0.0, "random_state": seed}
    return MedFuseSleepClassifier(**{**sizes, "d_head": 16, **plan, **changes})


def random_stages(X):
    return np.random.default_rng(0).integers(0, 5, len(X))


def timed(function, *arguments):
    """Result of a function, and its seconds."""
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def require(found, expected, how):
    """Raise an error unless arrays are equal, bit by bit or to rounding."""
    if how == BITS:
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def row(what, how, loaded, plain):
    print(f"{what:50} {how:18} {loaded:8.2f} s {loaded / plain:6.2f}", flush=True)


def values(X, name="eeg"):
    """Values of all nights of one modality, one after the other."""
    return np.concatenate([r.compute().signals[name].data for r in X.recordings])


def beside_a_busy_process(folder):
    X = sleepkit_nights([write_night(folder / "n.edf", 8)]).materialize()
    y = random_stages(X)

    def work():
        return small_net().fit(X, y).predict_proba(X)

    work()
    times = {0: [], 1: []}
    for _ in range(5):
        for n_busy, seconds in times.items():
            with busy(n_busy):
                found, took = timed(work)
            seconds.append(took)
            if n_busy == 0:
                alone = found
        require(found, alone, BITS)
    plain, loaded = map(statistics.median, times.values())
    row("one busy process more, fit and stage", BITS, loaded, plain)


def memory_group():
    """A cgroup that limits this process and its pages of files; None if not allowed."""
    for root, name in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup", root, f"bench_load-{os.getpid()}")
        try:
            group.mkdir()
            (group / name).write_text(str(ENOUGH_PAGES))
            return group
        except OSError:
            if group.is_dir():
                group.rmdir()
    return None


def fit_mapped(folder, limit):
    """Fit and stage mapped nights in this process; report, for the parent."""
    import resource

    X = training.map_nights(Path(folder), training.NIGHTS[0])
    if limit:
        text = Path("/proc/self/status").read_text(encoding="ascii")
        used = 1024 * int(text.split("VmData:")[1].split()[0])
        resource.setrlimit(resource.RLIMIT_DATA, (used + LIMIT, used + LIMIT))
    before = training.anonymous()
    watch = training.Watch()
    watch.start()
    start = time.perf_counter()
    net = small_net(max_epochs=1, max_ram=LIMIT / 4).fit(X, X.hypnogram)
    found = hashlib.sha256(net.predict_proba(X).tobytes()).hexdigest()
    seconds = time.perf_counter() - start
    report = {"found": found, "seconds": seconds, "anonymous": watch.anonymous - before}
    print(json.dumps(report))


def less_memory_than_data(folder):
    training.write(folder)
    group = memory_group()

    def enter():
        if group is not None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    reports = []
    for limit in ("", "limited"):
        command = [sys.executable, __file__, "--child", str(folder), limit]
        done = subprocess.run(
            command,
            check=True,
            stdout=subprocess.PIPE,
            preexec_fn=enter if limit else None,
        )
        reports.append(json.loads(done.stdout))
    if group is not None:
        group.rmdir()
    plain, limited = reports
    assert plain["found"] == limited["found"]
    pages = "no limit of pages" if group is None else f"{ENOUGH_PAGES / 1e6:.0f} MB"
    what = f"1.2 GB in {LIMIT / 1e6:.0f} MB ({pages} with files)"
    row(what, BITS, limited["seconds"], plain["seconds"])
    print(f"   took {limited['anonymous'] / 1e6:.0f} MB beyond the start")


def compare_cuts(title, many, few, folder):
    """Compare the same hours, cut into nights of two lengths."""
    prepared, seconds = {}, {}
    for name, paths in (("few", few), ("many", many)):
        store = folder / f"store-{name}"
        prepared[name], took = timed(sleepkit_nights(paths).materialize, store)
        net = small_net()
        y = random_stages(prepared[name])
        _, fit = timed(net.fit, prepared[name], y)
        found, stage = timed(net.predict_proba, prepared[name])
        seconds[name] = (took, fit, stage)
        single = [net.predict_proba(r) for r in prepared[name].recordings[:9]]
        single = np.concatenate(single)
        require(found[: len(single)], single, ROUNDING)
        again = sleepkit_nights(paths[:9]).materialize()
        require(values(again), values(prepared[name])[: len(again)], BITS)
    for i, step in enumerate(("prepare", "fit", "stage")):
        how = BITS if step == "prepare" else ROUNDING
        row(f"{title}, {step}", how, seconds["many"][i], seconds["few"][i])
    return prepared


def many_tiny_nights(folder):
    few = [write_night(folder / f"long-{i}.edf", 500 / 60, i) for i in range(4)]
    many = [write_night(folder / f"{i}.edf", 2 / 60, i) for i in range(1000)]
    compare_cuts("1,000 nights of 2 min for 4 of 500 min", many, few, folder)


def one_long_night(folder):
    parts = [write_night(folder / f"part-{i}.edf", 8, i) for i in range(9)]
    long = folder / "long.edf"
    contents = [path.read_bytes() for path in parts]
    header = contents[0][:768]
    n_records = str(9 * 8 * 3600).encode().ljust(8)
    header = header[:236] + n_records + header[244:]
    long.write_bytes(header + b"".join(content[768:] for content in contents))
    channels = {"eeg": ["EEG"]}
    read = [read_recording(path, channels=channels) for path in (long, *parts)]
    whole, *pieces = (night.signals["eeg"].data for night in read)
    require(whole, np.concatenate(pieces, axis=1), BITS)
    X = compare_cuts("one night of 72 h for 9 of 8 h", [long], parts, folder)
    apart = np.abs(np.arange(9 * 960) % 960 - 479.5) < 475  # from where parts join
    require(values(X["many"])[apart], values(X["few"])[apart], ROUNDING)


def many_channels(folder):
    path = write_channels(folder / "channels.edf", 200, 3600)
    names = [f"X{i}" for i in range(200)]

    def read(group):
        return EpochArray([read_recording(path, channels={"eeg": group})])

    def features(groups):
        X = [BandPower().fit_transform(read(group)) for group in groups]
        return [values(x.materialize()) for x in X]

    groups = [names[i : i + 8] for i in range(0, 200, 8)]
    (whole,), loaded = timed(features, [names])
    apart, plain = timed(features, groups)
    require(whole, np.concatenate(apart, axis=1), BITS)
    row("200 channels for 25 times 8, band powers", BITS, loaded, plain)


def nets_in_threads(folder):
    X = sleepkit_nights([write_night(folder / "n.edf", 8)]).materialize()
    y = random_stages(X)

    def work(seed):
        return small_net(seed).fit(X, y).predict_proba(X)

    work(0)
    with ThreadPoolExecutor(4) as pool:
        together, loaded = timed(lambda: list(pool.map(work, range(4))))
    alone, plain = timed(lambda: list(map(work, range(4))))
    require(together, alone, BITS)
    row("4 nets in threads for one after the other", BITS, loaded, plain)


CASES = {
    "busy": beside_a_busy_process,
    "memory": less_memory_than_data,
    "tiny": many_tiny_nights,
    "long": one_long_night,
    "channels": many_channels,
    "threads": nets_in_threads,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.child:
        fit_mapped(*arguments.child)
        return
    for name, case in CASES.items():
        if arguments.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                case(Path(folder))


if __name__ == "__main__":
    main()
