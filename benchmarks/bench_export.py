"""ONNX files in float32 and int8: size, agreement on real nights, and speed.

    python benchmarks/bench_export.py [--subjects 12] [--passes 3] [--runs 3]

A small MedFuseSleep is trained on some subjects of the published features of Sleep-EDF
(SLEEPKIT_REAL_DATA), and its files stage others. A net of the paper's size stages a
simulated night of 8 h from its spectra, beside YASA from the signals, in turn.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from bench_staging import make_spectra, yasa_caller
from common import in_turn
from sklearn.metrics import cohen_kappa_score

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.export import OnnxStager, quantize, to_onnx
from sleepkit.preprocessing import SpectrumScaler
from sleepkit.pretrained._feature_nights import read_nights
from sleepkit.recording import EpochArray

SMALL = {"d_model": 64, "n_heads": 4, "n_layers": 2, "dim_feedforward": 256}
SMALL |= {"d_head": 256, "lr": 1e-3, "validation_fraction": 0, "random_state": 0}
N_CALIBRATED = 4  # nights


def write_files(stager, folder, nights):
    """Write the files of a stager; give their paths by name."""
    paths = {
        name: Path(folder, f"{name}.onnx") for name in ("float32", "int8", "fixed")
    }
    to_onnx(stager, paths["float32"])
    quantize(paths["float32"], paths["int8"])
    quantize(paths["float32"], paths["fixed"], calibrate=nights)
    weights = sum(x.numel() * 4 for x in stager.module_.state_dict().values())
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
            proba = OnnxStager(path).predict_proba(test)
            stages = proba.argmax(1)
            same = np.mean(stages == exact.argmax(1))
            change = cohen_kappa_score(y, stages) - kappa
            far = np.abs(proba - exact).max()
            print(
                f"{name:10}same stage {same:.2%}, kappa {kappa:.4f} {change:+.4f},",
                end="",
            )
            print(f" probabilities within {far:.0e}")


def compare_speed(runs):
    """Stage a night at paper size by each file, by torch and by YASA, in turn."""
    signals, X, y = make_spectra(1, 8, 0)
    few = EpochArray(X.recordings)[:84]
    stager = MedFuseSleepClassifier(
        batch_size=4, max_epochs=1, validation_fraction=0, random_state=0
    ).fit(few, y[:84])
    stager.set_params(batch_size=16)
    calls = {"YASA": yasa_caller(signals)}
    for precision in ("float32", "bfloat16"):
        calls[precision] = lambda p=precision: stager.set_params(
            precision=p
        ).predict_proba(X)
    with TemporaryDirectory() as files:
        for name, path in write_files(stager, files, X).items():
            calls[f"ONNX {name}"] = partial(OnnxStager(path).predict_proba, X)
        medians = in_turn(calls, runs)
    for name, median in medians.items():
        print(f"{name:16}{median:8.3f} s{median / medians['YASA']:7.2f} x YASA", end="")
        print(f"{median / medians['float32']:7.2f} x float32")


def main():
    """Compare all and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.runs:
        compare_speed(options.runs)
    root = os.environ.get("SLEEPKIT_REAL_DATA")
    if root and options.subjects:
        nights = Path(root, "sleep_edf", "nights")
        compare_stages(nights, options.subjects, options.passes)


if __name__ == "__main__":
    main()
