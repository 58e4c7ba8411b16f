"""Staging a night of ten channels with SleepMG at paper size, against YASA.

    python benchmarks/bench_sleepmg_staging.py

Both stage the same night of noise in memory: YASA from one EEG, one EOG and the EMG, of
which it computes its features; SleepMG, which gives probabilities, from all channels.
All is timed in turn, in one process; ratios are of medians.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import warnings
from functools import partial
from pathlib import Path

import mne
import numpy as np
import torch
import yasa
from common import in_turn
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.nn import FeatureNet
from sleepkit.recording import EpochArray, Recording, Signal

CHANNELS = {"eeg": 6, "eog": 2, "emg": 1, "ecg": 1}
SFREQ = 100.0


def main():
    """Time all in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")  # noise does not look like sleep
    functions = make_stagers(make_signals(arguments.hours))
    medians = in_turn(functions, arguments.repeats)
    rate, gflop = product_rate(), count_flops(arguments.hours) / 1e9
    print(f"{arguments.hours:g} h, {arguments.threads} threads, net {gflop:.0f} GFLOP")
    for name, median in medians.items():
        print(
            f"{name:18}{median:7.2f} s{median / medians['YASA']:6.2f} of YASA", end=""
        )
        print(f"{peak_growth(functions[name]):6.0f} MB", end="")
        share = gflop / median / rate
        print("" if name == "YASA" else f"{share:6.0%} of the rate of a product")
    exact, rough = (functions[f"SleepMG, {p}"]() for p in ("float32", "bfloat16"))
    agree = (exact.argmax(1) == rough.argmax(1)).mean()
    print(
        f"same stage in bfloat16: {agree:.2%} of epochs, in {len(set(exact.argmax(1)))}"
    )
    print(f"stages; probabilities differ by {np.abs(exact - rough).max():.3f} at most")


def make_signals(hours):
    """Make slow noise and fast, in microvolts, which is neither sleep nor flat."""
    rng = np.random.default_rng(0)
    n_times = int(hours * 3600 * SFREQ)
    times = np.arange(n_times) / SFREQ
    loudness = 1 + np.sin(2 * np.pi * times / 5400) ** 2  # changes like sleep cycles
    return {
        name: (20 * loudness * rng.standard_normal((n, n_times))).astype("f4")
        for name, n in CHANNELS.items()
    }


def make_stagers(signals):
    """Give what stages the night, by name."""
    night = Recording(id="night", subject="s1", signals=as_signals(signals))
    stagers = {"YASA": partial(stage_by_yasa, make_raw(signals))}
    for precision in ("float32", "bfloat16"):
        stager = make_stager(precision)
        stagers[f"SleepMG, {precision}"] = partial(stager.predict_proba, night)
    return stagers


def as_signals(signals):
    """Give the signals as recordings have them."""
    return {
        name: Signal(values, sfreq=SFREQ, ch_names=channel_names(name))
        for name, values in signals.items()
    }


def channel_names(modality):
    """Number the channels of a modality."""
    return tuple(f"{modality}{i}" for i in range(CHANNELS[modality]))


def make_raw(signals):
    """Make what YASA reads, in volts."""
    names = [name for modality in signals for name in channel_names(modality)]
    info = mne.create_info(names, SFREQ, [name[:3] for name in names])
    return mne.io.RawArray(
        1e-6 * np.concatenate([*signals.values()]), info, verbose=False
    )


def stage_by_yasa(raw):
    """Stage by one channel of each kind."""
    yasa.SleepStaging(raw, eeg_name="eeg0", eog_name="eog0", emg_name="emg0").predict()


def make_stager(precision):
    """Train a net of paper size for a moment: on an hour, by how loud it is."""
    signals = make_signals(1)
    loudness = np.abs(signals["eeg"][0]).reshape(120, -1).mean(axis=1)
    stages = np.searchsorted(np.quantile(loudness, [0.2, 0.4, 0.6, 0.8]), loudness)
    night = Recording(
        id="a", subject="a", signals=as_signals(signals), hypnogram=stages
    )
    X = EpochArray([night])
    stager = SleepMGClassifier(
        batch_size=32,
        max_epochs=10,
        validation_fraction=0,
        random_state=0,
    )
    stager.fit(X, X.hypnogram)  # the same net, whatever it then computes in
    return stager.set_params(batch_size=256, precision=precision)


def product_rate():
    """Find the GFLOP per second of a product of two matrices."""
    cube = torch.randn(2048, 2048)
    seconds = in_turn({"product": lambda: cube @ cube}, 5)["product"]
    return 2 * 2048**3 / seconds / 1e9


def count_flops(hours):
    """Count what the layers of the net compute, as they are published."""
    net = FeatureNet().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for branch in (net.small, net.large):
            nn.Sequential.forward(branch, torch.zeros(1, 1, 3000))
    return counter.get_total_flops() * sum(CHANNELS.values()) * hours * 120


def peak_growth(function):
    """Call once, and give by how many MB the memory rose meanwhile."""
    ctypes.CDLL(None).malloc_trim(0)  # what earlier calls kept counts too
    Path("/proc/self/clear_refs").write_text("5")  # forget the last peak
    before = memory("VmRSS")
    function()
    return memory("VmHWM") - before


def memory(kind):
    """Read a figure of this process, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(rf"{kind}:\s+(\d+)", status)[1]) / 1000


if __name__ == "__main__":
    main()
