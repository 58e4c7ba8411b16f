"""A training step and a night of each system, at published size.

    python benchmarks/bench_systems.py [--only NAME ...] [--steps 4] [--turns 3]

A step of the classifier's own training, from the batch's reading to the optimizer and
all callbacks, beside a bare loop of the same module, loss and Adam on the same batches,
in turn; of systems with two stages, the last one. Then a night of 8 h, from signals or
spectra in memory to stages, with the share of the machine's matrix rate (2048-cube
product, same run) that the multiply-adds of its net come to.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np
import torch
from common import without_onednn
from skorch.callbacks import Callback
from skorch.utils import to_tensor
from torch.utils.flop_counter import FlopCounterMode

from sleepkit.pipelines import make_stager
from sleepkit.pipelines._methods import METHODS
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ, SECONDS = 100, 30
NIGHT = 960  # epochs
MODALITIES = {
    "sleepmg": ("eeg", "eog"),
    "mmasleepnet": ("eeg", "eog", "emg"),
    "sleepprintnet": ("eeg", "eog", "emg"),
    "masksleepnet": ("eeg", "eog", "emg"),
}
SHORT = {"max_epochs": 1, "pretrain_epochs": 1, "pretrain_batch_size": 64}


class Steps(Callback):
    """Keeps the seconds from one batch to the next, the net and the batches.

    All is kept by the class, since the net clones its callbacks.
    """

    def on_train_begin(self, net, **kwargs):
        Steps.times, Steps.batches = [], []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            Steps.times.append(time.perf_counter())

    def on_grad_computed(self, net, batch=None, **kwargs):
        Steps.net = net
        Steps.batches.append(batch)

    def on_train_end(self, net, **kwargs):
        Steps.seconds = np.diff(Steps.times)


def nights(n_nights, modalities):
    """Nights of noise, for one step and more."""
    recordings = []
    for number in range(n_nights):
        rng = np.random.default_rng(number)
        n_samples = NIGHT * SECONDS * SFREQ
        signals = {
            name: Signal(20 * rng.standard_normal((1, n_samples), np.float32), SFREQ)
            for name in modalities
        }
        recordings.append(
            Recording(
                id=f"n{number}",
                subject=f"s{number}",
                signals=signals,
                hypnogram=np.arange(NIGHT) % 5,  # all stages in a few epochs
            )
        )
    return EpochArray(recordings)


def bare_loop():
    """Train the module that was trained last on its batches; return the seconds."""
    net = Steps.net
    module = net.module_.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-6, fused=True)
    seconds = []
    for batch in Steps.batches:
        inputs, targets = (to_tensor(each, device="cpu") for each in batch)
        start = time.perf_counter()
        optimizer.zero_grad()
        net.criterion_(module(**inputs), targets).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    # The first step prepares; the last one has no next that ends it, in the other loop.
    return seconds[1:-1]


def time_steps(stager, X, n_rows, turns):
    """Median seconds of a step by the classifier and by the bare loop."""
    ours, bare = [], []
    some = np.arange(2 * (stager.sequence_length or 8))
    stager.fit(X[some], X.hypnogram[some])  # earlier stages too, so only a few epochs
    for _ in range(turns):
        stager.partial_fit(X[:n_rows], X.hypnogram[:n_rows])
        ours += [*Steps.seconds[1:]]
        bare += bare_loop()
    return statistics.median(ours), statistics.median(bare)


def time_night(stager, X):
    """Median seconds of a night, and its floating-point operations."""
    (one,) = EpochArray(X.recordings[:1]).recordings
    with without_onednn(), FlopCounterMode(display=False) as counter:
        stager.predict_proba(one)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        stager.predict_proba(one)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), counter.get_total_flops()


def matrix_rate():
    """Floating-point operations a second of a product of two 2048-cubes."""
    cube, seconds = torch.randn(2048, 2048), []
    for _ in range(5):
        start = time.perf_counter()
        cube @ cube
        seconds.append(time.perf_counter() - start)
    return 2 * 2048**3 / statistics.median(seconds)


def main():
    """Print a line for each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=[n for n in METHODS if n != "trees"]
    )
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rate = matrix_rate()
    print(f"one thread, product {rate / 1e9:.0f} GFLOP/s")
    for name in args.only:
        *steps, stager = make_stager(name, size="published", random_state=0)
        # Windows of SleePyCo overlap: each epoch ends one.
        length = 1 if name == "sleepyco" else stager.sequence_length or 1
        n_rows = (args.steps + 1) * stager.batch_size * length
        X = nights(-(-n_rows // NIGHT), MODALITIES.get(name, ("eeg",)))
        for step in steps:
            if step != "passthrough" and type(step).__name__ != "QualityMask":
                X = step.fit_transform(X)
        X = X.materialize()
        short = {key: SHORT[key] for key in SHORT if key in stager.get_params()}
        stager.set_params(
            **short, validation_fraction=0, n_threads=1, callbacks=[Steps()]
        )
        ours, bare = time_steps(stager, X, n_rows, args.turns)
        seconds, flops = time_night(stager, X)
        print(
            f"{name:16}step {ours:7.2f} s, bare {bare:.2f} s, {ours / bare:.2f} x; "
            f"night {seconds:7.2f} s, {flops / seconds / rate:.0%} of the rate",
            flush=True,
        )


if __name__ == "__main__":
    main()
