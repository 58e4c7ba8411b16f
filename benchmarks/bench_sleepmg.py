"""Training of SleepMG at paper size: what balancing, skorch and loading data cost.

    python benchmarks/bench_sleepmg.py

All is timed in turn, in one process; ratios are of medians.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial

import numpy as np
import torch
from common import in_turn
from skorch.callbacks import EarlyStopping, EpochScoring

from sleepkit.nn import FeatureNet, SleepMGLoss, SleepMGNet
from sleepkit.nn._cpu._pooled_convolution import pooled_convolution
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.training import Batches, ModalityBalance, RecordingSource, StagingNet

CHANNELS = {"eeg": 6, "eog": 2, "emg": 1, "ecg": 1}
SHAPES = {name: (n, 3000) for name, n in CHANNELS.items()}
BATCH = 256
DOMAINS = 4
ADAM = {"lr": 1e-3, "betas": (0.5, 0.999)}


def main():
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    repeats = arguments.repeats
    torch.set_num_threads(arguments.threads)
    time_convolutions(repeats)
    time_balance(repeats)
    with tempfile.TemporaryDirectory() as folder:
        time_paths(repeats, folder)


def time_convolutions(repeats):
    """Time the first group of each branch against torch's layers."""
    print("first convolutions: ms of torch's Conv1d alone, with BatchNorm1d, ReLU and")
    print("MaxPool1d behind it, and of FeatureNet's, which is all of these")
    for rows in (64, 256, 6 * BATCH):
        for name in ("small", "large"):
            functions = convolutions(name, torch.randn(rows, 1, 3000))
            medians = in_turn(functions, repeats)
            for mode in ("forward", "and back"):
                alone, plain, ours = (
                    medians[mode, kind] * 1e3 for kind in ("alone", "plain", "ours")
                )
                print(
                    f"{rows:6}{name:>7}{mode:>10}{alone:9.1f}{plain:9.1f}{ours:9.1f}"
                    f"{ours / alone:7.2f} of Conv1d{ours / plain:7.2f} of the group"
                )


def convolutions(name, x):
    """Give what reads epochs, forward and also back."""
    convolution, norm, rectifier, pool, *_ = getattr(FeatureNet(), name)
    kinds = {
        "alone": convolution,
        "plain": lambda x: pool(rectifier(norm(convolution(x)))),
        "ours": lambda x: rectifier(pooled_convolution(x, convolution, norm, pool)),
    }

    def forward(kind):
        norm.eval()
        with torch.inference_mode():
            kinds[kind](x)

    def back(kind):
        norm.train()
        kinds[kind](x).sum().backward()

    modes = {"forward": forward, "and back": back}
    return {(m, k): partial(modes[m], k) for m in modes for k in kinds}


def time_balance(repeats):
    """Time a step of SleepMG against one of NaiveMG."""
    rng = np.random.default_rng(0)
    inputs = {n: rng.normal(size=(BATCH, *s)).astype("f4") for n, s in SHAPES.items()}
    present = {name: np.ones(BATCH, np.bool_) for name in SHAPES}
    targets = {"stages": rng.integers(5, size=BATCH), "present": present}
    targets["domains"] = rng.integers(DOMAINS, size=BATCH)
    step = [({"inputs": inputs, "present": present}, targets)]
    nets = {"NaiveMG": make_net([]), "SleepMG": make_net([ModalityBalance()])}
    medians = in_turn(
        {name: partial(net.partial_fit, (step, None)) for name, net in nets.items()},
        2 * repeats,
    )
    ratio = medians["SleepMG"] / medians["NaiveMG"]
    print(
        f"\na step of {BATCH} epochs of ten channels: NaiveMG {medians['NaiveMG']:.3f}"
    )
    print(f"s, SleepMG {medians['SleepMG']:.3f} s, ratio {ratio:.3f}")


class TimedNet(StagingNet):
    """A net that counts the seconds of its callbacks."""

    seconds = 0.0

    def notify(self, method_name, **cb_kwargs):
        start = time.perf_counter()
        super().notify(method_name, **cb_kwargs)
        self.seconds += time.perf_counter() - start

    def fit_loop(self, *arguments, **kwargs):
        start, self.seconds = time.perf_counter(), 0.0
        super().fit_loop(*arguments, **kwargs)
        self.share = self.seconds / (time.perf_counter() - start)
        return self


def make_net(callbacks):
    """Make a net of paper size that trains for one pass at a call."""
    torch.manual_seed(0)
    return TimedNet(
        partial(SleepMGNet, SHAPES, n_domains=DOMAINS),
        SleepMGLoss(None),
        read_out,
        optimizer=torch.optim.Adam,
        max_epochs=1,
        verbose=0,
        callbacks=callbacks,
        callbacks__print_log=None,
        **{
            name if name == "lr" else f"optimizer__{name}": v
            for name, v in ADAM.items()
        },
    ).initialize()


def read_out(output, present):  # noqa: ARG001
    """Take the head of the stages."""
    return output.stage_logits.log_softmax(-1)


def time_paths(repeats, folder):
    """Time passes over nights, by skorch and bare, and show where the time goes."""
    nights = EpochArray([make_night(0, 2 * BATCH), make_night(1, BATCH)])
    passes = {
        "in memory": make_batches(nights),
        "in files": make_batches(nights.materialize(folder)),
    }
    accuracy = EpochScoring("accuracy", name="valid_accuracy", lower_is_better=False)
    stopping = EarlyStopping(patience=10**6, threshold=0, load_best=True)
    net = make_net(
        [ModalityBalance(), ("valid_accuracy", accuracy), ("best_weights", stopping)]
    )
    shares = dict.fromkeys(("data", "forward", "backward", "optimiser"), 0.0)
    bare = BareLoop(shares)
    functions = {"bare": lambda: bare.run(*passes["in memory"])}
    for name, (train, valid) in passes.items():
        functions[f"skorch, {name}"] = partial(net.partial_fit, (train, valid))
        functions[f"loading, {name}"] = partial(load, train, valid)
    medians = in_turn(functions, repeats)
    print("\na pass over two batches, and one of validation")
    for name, median in medians.items():
        print(f"{name:20}{median:8.3f} s{median / medians['bare']:8.3f} of bare")
    whole = sum(shares.values())
    parts = ", ".join(f"{name} {value / whole:.1%}" for name, value in shares.items())
    print(f"of the bare loop: {parts}; of skorch's: callbacks {net.share:.1%}")


def load(*data):
    """Make all batches, and nothing of them."""
    for batches in data:
        for _ in batches:
            pass


def make_night(seed, n_epochs):
    """Make a night of noise in microvolts."""
    rng = np.random.default_rng(seed)
    signals = {
        name: Signal(
            rng.normal(0, 20, (n, n_epochs * 3000)).astype("f4"),
            sfreq=100.0,
            ch_names=tuple(f"{name}{i}" for i in range(n)),
        )
        for name, n in CHANNELS.items()
    }
    stages = rng.integers(5, size=n_epochs)
    return Recording(
        id=f"n{seed}", subject=f"s{seed}", signals=signals, hypnogram=stages
    )


def make_batches(nights):
    """Batches that train on the first night, and validate with the second."""
    source = RecordingSource(nights)
    domains = np.arange(len(nights)) % DOMAINS
    train, valid = (
        {
            "stages": np.where(source.night == night, nights.hypnogram, -1),
            "domains": domains,
        }
        for night in (0, 1)
    )
    rng = np.random.default_rng(0)
    batches = Batches(source, train, BATCH, rng=rng)
    return batches, Batches(source, valid, BATCH)


class BareLoop:
    """Training and validation without skorch or callbacks, each part timed."""

    def __init__(self, seconds):
        torch.manual_seed(0)
        self.net, self.loss = SleepMGNet(SHAPES, n_domains=DOMAINS), SleepMGLoss(None)
        self.optimizer = torch.optim.Adam(self.net.parameters(), **ADAM)
        self.seconds = seconds
        self.last = time.perf_counter()

    def run(self, train, valid):
        """Make a pass over both."""
        self.last = time.perf_counter()
        self.net.train()
        for batch in train:
            loss = self.forward(batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.lap("backward")
            self.optimizer.step()
            self.lap("optimiser")
        self.net.eval()
        with torch.no_grad():
            for batch in valid:
                self.forward(batch)

    def forward(self, batch):
        """Compute the loss."""
        inputs, targets = batch
        tensors = {
            part: {name: torch.from_numpy(a) for name, a in values.items()}
            for part, values in inputs.items()
        }
        self.lap("data")
        labels = {n: torch.from_numpy(targets[n]) for n in ("stages", "domains")}
        loss = self.loss(self.net(**tensors), labels)
        self.lap("forward")
        return loss

    def lap(self, name):
        """Count the time since the last lap."""
        now = time.perf_counter()
        self.seconds[name] += now - self.last
        self.last = now


if __name__ == "__main__":
    main()
