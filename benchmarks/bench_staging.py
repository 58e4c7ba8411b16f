"""Staging a night of 8 h by MedFuseSleep at paper size, beside YASA.

    python benchmarks/bench_staging.py [--runs 5] [--steps 12] [--passes 8]

One simulated night, EEG and EOG at 100 Hz, goes from its spectra to probabilities by a
net of the paper's size, trained for a few steps, and from its signals to stages by
YASA. The strides are compared on further nights, by a smaller net trained for longer.
"""

from __future__ import annotations

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mne
import numpy as np
import torch
import yasa
from common import in_turn, without_onednn
from sklearn.metrics import cohen_kappa_score
from torch.utils.flop_counter import FlopCounterMode

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.preprocessing import SpectrumScaler, STFTEpocher
from sleepkit.training import RecordingSource
from sleepkit.training._inference import infer
from sleepkit.training._runtime import threads

STRIDES = (1, 3, 5, 7, 10, 21)
SMALL = {"d_model": 32, "n_heads": 4, "n_layers": 2, "dim_feedforward": 128}
SMALL |= {"d_head": 64, "lr": 1e-3, "dropout": 0.1}


class Whole(torch.nn.Module):
    """A net that is run as a whole on each of the sequences that overlap."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, inputs, present):
        """Run it."""
        return self.net(inputs, present)


def make_spectra(n_nights, hours, seed):
    """Simulate nights; give their signals, their spectra in decibels and stages."""
    X, y, _ = make_polysomnography(
        n_nights, hours=hours, modalities=["eeg", "eog"], random_state=seed
    )
    spectra = STFTEpocher().fit_transform(X)
    return X, SpectrumScaler("recording").fit_transform(spectra).materialize(), y


def peak_memory(stager, X):
    """Give the megabytes that staging takes beyond nights and net, in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_memory, stager, X).result()


def _measure_memory(stager, X):
    """Run in this process; Linux resets the peak on request."""
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    stager.predict_proba(X)
    return (_resident("VmHWM") - before) / 1024


def _resident(field):
    """Read kilobytes of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def stage_as_a_whole(stager, X):
    """Stage as if there were one step only: the plain net on whole sequences."""
    with without_onednn():
        return infer(
            Whole(stager.module_),
            lambda output, _: output.logits["fused"].log_softmax(-1),
            RecordingSource(X),
            n_columns=len(stager.classes_),
            batch_size=stager.batch_size,
            length=stager.sequence_length,
            stride=stager.stride or stager.sequence_length // 4,
        )


def yasa_caller(X, names=("eeg", "eog")):
    """Give what stages a night by YASA, signals to stages."""
    (night,) = X.recordings
    data = np.concatenate([night.signals[name].data[:1] for name in names])
    info = mne.create_info([*names], night.signals["eeg"].sfreq, "eeg")
    raw = mne.io.RawArray(data * 1e-6, info, verbose="error")

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            channels = {f"{name}_name": name for name in names}
            return yasa.SleepStaging(raw, **channels).predict()

    return call


def compare_speed(stager, signals, X, runs):
    """Time YASA and all ways to stage, and say what share of the rate they reach."""
    cube = torch.randn(2048, 2048)
    low, packed = cube.bfloat16(), cube.to_mkldnn()

    def own(precision, stride=None):
        stager.set_params(precision=precision, stride=stride)
        return stager.predict_proba(X)

    def default_library():
        with without_onednn():
            return own("float32")

    calls = {
        "YASA": yasa_caller(signals),
        "float32": lambda: own("float32"),
        "bfloat16": lambda: own("bfloat16"),
        "float32, torch's default products": default_library,
        "float32, as a whole on overlapping sequences": lambda: stage_as_a_whole(
            stager, X
        ),
        "product": lambda: cube @ cube,
        "oneDNN's": lambda: torch.nn.functional.linear(packed, packed),
        "in bfloat16": lambda: low @ low,
    }
    medians = in_turn(calls, runs)
    rates = {n: 2 * 2048**3 / medians.pop(n) for n in [*medians][-3:]}
    with threads(1), FlopCounterMode(display=False) as counter:
        default_library()
    flops = counter.get_total_flops()
    print(f"threads {torch.get_num_threads()}, {flops / 1e9:.0f} GFLOP a night")
    print(*(f"{n} {rate / 1e9:.0f} GFLOP/s" for n, rate in rates.items()), sep=", ")
    for name, median in medians.items():
        print(f"{name:46}{median:8.3f} s{median / medians['YASA']:7.2f} x YASA", end="")
        limits = {"float32": "oneDNN's", "bfloat16": "in bfloat16"}
        if name in limits:
            print(f"{flops / median / rates['product']:7.0%} of torch's rate", end="")
            print(f"{flops / median / rates[limits[name]]:5.0%} of its own", end="")
        print()
    plain, exact, near = stage_as_a_whole(stager, X), own("float32"), own("bfloat16")
    agreement = np.mean(exact.argmax(1) == near.argmax(1))
    wrong = np.abs(exact - torch.from_numpy(plain).softmax(-1).numpy()).max()
    print(f"bfloat16 gives the same stage on {agreement:.1%} of epochs")
    print(f"probabilities of both steps and of the whole differ by {wrong:.0e} at most")
    for precision in ("float32", "bfloat16"):
        peak = peak_memory(stager.set_params(precision=precision, stride=None), X)
        print(f"{precision} takes {peak:.0f} MB beyond nights and net")
    strides = {n: lambda n=n: own("float32", n) for n in STRIDES}
    return in_turn(strides, runs)


def compare_strides(seconds, passes):
    """Train a small net, and compare the strides on nights that are new to it."""
    _, X, y = make_spectra(12, 4, 1)
    stager = MedFuseSleepClassifier(**SMALL, max_epochs=passes, random_state=0)
    stager.fit(X, y)
    _, X, y = make_spectra(8, 4, 2)
    scored = y >= 0 if np.issubdtype(y.dtype, np.number) else np.ones(len(y), bool)
    by_one = stager.set_params(stride=1).predict(X)
    print("stride  seconds  same as by 1  kappa")
    for stride in STRIDES:
        stages = stager.set_params(stride=stride, precision="float32").predict(X)
        kappa = cohen_kappa_score(y[scored], stages[scored])
        same = np.mean(stages == by_one)
        print(f"{stride:6}{seconds[stride]:9.3f}{same:14.2%}{kappa:7.3f}")
    near = stager.set_params(stride=None, precision="bfloat16").predict(X)
    same = np.mean(near == stager.set_params(precision="float32").predict(X))
    print(f"bfloat16 gives the same stage on {same:.2%} of these epochs")


def main():
    """Compare all and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--passes", type=int, default=8)
    options = parser.parse_args()
    signals, X, y = make_spectra(1, 8, 0)
    print({name: x.shape[1:] for name, x in X.recordings[0].signals.items()})
    batches = -(-len(X) // (21 * 8))
    stager = MedFuseSleepClassifier(
        batch_size=8,
        max_epochs=-(-options.steps // batches),
        schedule="constant",
        validation_fraction=0,
        random_state=0,
    ).fit(X, y)
    stager.set_params(batch_size=16)
    print(f"after {options.steps} steps, accuracy {stager.score(X, y):.2f}")
    seconds = compare_speed(stager, signals, X, options.runs)
    compare_strides(seconds, options.passes)


if __name__ == "__main__":
    main()
