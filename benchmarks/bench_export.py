"""ONNX files in float32 and int8: size, agreement on real nights, and speed.

    python benchmarks/bench_export.py [--subjects 12] [--passes 3] [--runs 3]

A small MedFuseSleep is trained on some subjects of the published features of Sleep-EDF
(SLEEPKIT_REAL_DATA), and its files stage others. A net of the paper's size, trained for
a step, stages a simulated night of 8 h by its files, from spectra and from signals,
beside torch, and YASA from the signals: in turn, on one thread, whose time on the
processor counts, so that other work disturbs little.
"""

from __future__ import annotations

import argparse
import os
import time
from copy import copy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from bench_staging import yasa_caller
from common import in_turn
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import Pipeline

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.export import OnnxStager, quantize, to_onnx
from sleepkit.preprocessing import SpectrumScaler, STFTEpocher
from sleepkit.pretrained._feature_nights import read_nights
from sleepkit.utils import last_step

SMALL = {"d_model": 64, "n_heads": 4, "n_layers": 2, "dim_feedforward": 256}
SMALL |= {"d_head": 256, "lr": 1e-3, "validation_fraction": 0, "random_state": 0}
N_CALIBRATED = 4  # nights
FAST = {"avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"}
MODALITIES = ("eeg", "eog", "emg")
YASA = (MODALITIES[:2], MODALITIES)


def write_files(stager, folder, nights, sfreq=None):
    """Write the files of a stager; give their paths by name."""
    names = ("float32", "int8", "calibrated")
    paths = {name: Path(folder, f"{name}-{sfreq}.onnx") for name in names}
    to_onnx(stager, paths["float32"], sfreq=sfreq)
    quantize(paths["float32"], paths["int8"])
    quantize(paths["float32"], paths["calibrated"], calibrate=nights)
    weights = sum(x.numel() * 4 for x in last_step(stager).module_.parameters())
    for name, path in paths.items():
        size = path.stat().st_size
        print(f"{name:10}{size / 1e6:7.2f} MB{size / weights:7.3f} x the weights")
    return paths


def compare_stages(folder, n_subjects, passes):
    """Train on some subjects, and compare the files on the others."""
    X = read_nights(sorted(folder.glob("*.npz")))
    X = SpectrumScaler("recording").fit_transform(X).materialize()
    X = X[X.hypnogram >= 0]
    train = np.isin(X.subject, np.unique(X.subject)[:n_subjects])
    test, y = X[~train], X.hypnogram[~train]
    stager = MedFuseSleepClassifier(**SMALL, max_epochs=passes)
    stager.fit(X[train], X.hypnogram[train])
    print(f"{n_subjects} subjects to train on, {len(test)} epochs of the others")
    exact = stager.predict_proba(test)
    kappa = cohen_kappa_score(y, exact.argmax(1))
    with TemporaryDirectory() as files:
        nights = list(X[train].recordings[:N_CALIBRATED])
        for name, path in write_files(stager, files, nights).items():
            proba = OnnxStager(path, n_threads=1).predict_proba(test)
            stages = proba.argmax(1)
            same = np.mean(stages == exact.argmax(1))
            change = cohen_kappa_score(y, stages) - kappa
            far = np.abs(proba - exact).max()
            print(
                f"{name:10}same stage {same:.2%}, kappa {kappa:.4f} {change:+.4f},",
                end="",
            )
            print(f" probabilities within {far:.0e}")


def make_stager():
    """Train a net of the paper's size for a step; give also what it was trained on."""
    X, y, _ = make_polysomnography(2, hours=0.35, modalities=MODALITIES, random_state=1)
    net = MedFuseSleepClassifier(
        max_epochs=1, validation_fraction=0, random_state=0, n_threads=1
    )
    steps = [("spectra", STFTEpocher()), ("scale", SpectrumScaler("recording"))]
    X = X.select(["eeg", "eog"])
    return Pipeline([*steps, ("stage", net)]).fit(X, y), X


def processor():
    """Give the extensions of the processor that make products fast."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next(line for line in lines if line.startswith("flags"))
    return sorted(FAST & {*flags.split()})


def compare_speed(runs):
    """Stage a night at paper size by each file, by torch and by YASA, in turn."""
    flags = processor()
    print("processor:", *flags)
    stager, short = make_stager()
    night, _, _ = make_polysomnography(
        1, hours=8, modalities=MODALITIES, random_state=0
    )
    signals = night.select(["eeg", "eog"])
    X = stager[:-1].transform(signals).materialize()
    net = stager[-1].set_params(batch_size=16)
    calls = {f"YASA, {len(n)} channels": yasa_caller(night, n) for n in YASA}
    base = next(iter(calls))
    calls["torch float32"] = partial(net.predict_proba, X)
    if {"avx512_bf16", "amx_bf16"} & {*flags}:  # else it is slower than float32
        low = copy(net).set_params(precision="bfloat16")
        calls["torch bfloat16"] = partial(low.predict_proba, X)
    with TemporaryDirectory() as files:
        spectra = stager[:-1].transform(short)
        for given, whole, nights, sfreq in (
            (X, net, spectra, None),
            (signals, stager, short, 100),
        ):
            for name, path in write_files(whole, files, nights, sfreq).items():
                graph = OnnxStager(path, n_threads=1)
                title = f"ONNX {name}, from {'signals' if sfreq else 'spectra'}"
                calls[title] = partial(graph.predict_proba, given)
        medians = in_turn(calls, runs, time.process_time)
    for name, median in medians.items():
        print(f"{name:31}{median:8.2f} s{median / medians[base]:7.2f} x YASA", end="")
        print(f"{median / medians['torch float32']:7.2f} x float32")


def main():
    """Compare all and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.runs:
        compare_speed(options.runs)
    root = os.environ.get("SLEEPKIT_REAL_DATA")
    if root and options.subjects:
        nights = Path(root, "sleep_edf", "nights")
        compare_stages(nights, options.subjects, options.passes)


if __name__ == "__main__":
    main()
