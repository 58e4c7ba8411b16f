"""Threads that `n_threads=None` chooses, against fixed numbers of them.

    python benchmarks/bench_threads.py [--repeats 5]

For small and paper-size nets, `fit` and `predict` are timed in turn with each number of
threads, on the machine as it is and beside one busy process. A row gives the median
seconds of each, and the ratio of the choice to the best fixed number. The policy by
which threads wait is read when torch is loaded: compare with OMP_WAIT_POLICY=ACTIVE.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np

from sleepkit.classifiers import (
    DeepSleepNetClassifier,
    MedFuseSleepClassifier,
    SleepMGClassifier,
)
from sleepkit.datasets import make_polysomnography
from sleepkit.pipelines import make_stager
from sleepkit.preprocessing import BandPower, Resampler, SignalScaler, STFTEpocher

PAPER_MEDFUSE = {"batch_size": 4, "max_epochs": 1, "validation_fraction": 0}


def make_cases():
    """Name a classifier, and the nights that it gets."""
    X, y, _ = make_polysomnography(
        2, hours=1, modalities=("eeg", "eog"), random_state=0
    )
    X = Resampler(100).fit_transform(X).materialize()
    spectra = STFTEpocher(hop=2).fit_transform(X).materialize()
    signals = SignalScaler().fit_transform(X).materialize()
    features = BandPower(normalize="append").fit_transform(X).materialize()
    small = {
        name: make_stager(name, random_state=0)[-1].set_params(max_epochs=2)
        for name in ("medfusesleep", "sleepmg", "deepsleepnet")
    }
    tiny = MedFuseSleepClassifier(
        d_model=16, n_heads=2, n_layers=1, dim_feedforward=32, d_head=16, batch_size=4
    ).set_params(max_epochs=4, random_state=0)
    half = np.arange(len(y)) < 40
    return {
        "MedFuseSleep on features": (tiny, features, y),
        "MedFuseSleep, small": (small["medfusesleep"], spectra, y),
        "SleepMG, small": (small["sleepmg"], signals, y),
        "DeepSleepNet, small": (
            small["deepsleepnet"].set_params(pretrain_epochs=1),
            signals,
            y,
        ),
        "MedFuseSleep, paper": (
            MedFuseSleepClassifier(random_state=0, **PAPER_MEDFUSE),
            spectra[half],
            y[half],
        ),
        "SleepMG, paper": (
            SleepMGClassifier(random_state=0, max_epochs=1, validation_fraction=0),
            signals,
            y,
        ),
        "DeepSleepNet, paper": (
            DeepSleepNetClassifier(random_state=0, pretrain_epochs=1, max_epochs=1),
            signals[half],
            y[half],
        ),
    }


@contextmanager
def busy(n_processes):
    """Keep some processes busy meanwhile."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(n_processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(stager, X, y, counts, repeats):
    """Median seconds of fit and of predict for each number of threads, in turn."""
    times = {(what, n): [] for what in ("fit", "predict") for n in counts}
    stager.fit(X, y).predict_proba(X)  # the first call is slower
    for repeat in range(repeats):
        for n in counts[repeat % len(counts) :] + counts[: repeat % len(counts)]:
            stager.set_params(n_threads=n)
            times["fit", n].append(seconds(lambda: stager.fit(X, y)))
            times["predict", n].append(seconds(lambda: stager.predict_proba(X)))
    return {key: float(np.median(values)) for key, values in times.items()}


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    arguments = parser.parse_args()
    counts = [None, *range(1, torch.get_num_threads() + 1)]
    head = "".join(f"{'chosen' if n is None else n:>9}" for n in counts)
    for n_busy in (0, 1):
        print(f"\n{n_busy} busy processes beside it\n{'seconds':34}{head}    ratio")
        for name, (stager, X, y) in make_cases().items():
            if arguments.only not in name:
                continue
            with busy(n_busy):
                found = measure(stager, X, y, counts, arguments.repeats)
            for what in ("fit", "predict"):
                row = [found[what, n] for n in counts]
                cells = "".join(f"{value:9.3f}" for value in row)
                print(f"{name + ', ' + what:34}{cells}{row[0] / min(row[1:]):9.2f}")


if __name__ == "__main__":
    main()
