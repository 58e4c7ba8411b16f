"""What a store of float16 values changes: kappa, stages, bytes and CPU seconds.

    python benchmarks/half_store.py [--subjects 10] [--hours 1] [--folds 2]

Features of simulated nights are stored as float32 and as float16. Small stagers are
trained on both stores, by the same folds and seeds, and a third time on the float32
store with another seed, as a measure of chance. SHHS-1 is extrapolated by its epochs,
from nights that are read from files of float32.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

sys.path.insert(0, str(Path(__file__).parents[1]))

from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.pipelines import make_stager
from sleepkit.recording import fill_store, open_store

MODALITIES = {"medfusesleep": ("eeg", "eog"), "sleepmg": ("eeg", "eog", "emg")}
SHHS_NIGHTS, SHHS_EPOCHS = 5793, 999  # epochs of a night: 5,457,206 of 5,463 nights
DTYPES = ("float32", "float16")


def bytes_of(folder):
    """Bytes of the values in a store."""
    return sum(file.stat().st_size for file in folder.glob("*/*.npy"))


def stages_of(stager, store, folds, seed):
    """Cross-validate a stager on a store; return kappa and the stages."""
    X, y, _ = open_store(store)
    result = cross_validate_staging(
        {"stager": stager}, X, y, cv=folds, random_state=seed
    )
    (kappa,) = result.scores()["kappa"]
    return kappa, result.predictions("stager", "all")["predicted"]


def measure(method, X, folds, folder):
    """Store the features of a method by both types, train on them, and print."""
    stager = make_stager(method)
    place = list(stager.named_steps).index("cache")
    features = stager[:place].fit_transform(X.select(MODALITIES[method]))
    rest = Pipeline(stager.steps[place + 1 :])
    features.recordings[0].compute()  # what is compiled or imported at first
    found, sizes, seconds = {}, {}, {}
    for dtype in DTYPES:
        store = folder / f"{method}-{dtype}"
        started = time.process_time()
        fill_store(features, store, dtype=dtype)
        seconds[dtype] = time.process_time() - started
        sizes[dtype] = bytes_of(store)
        found[dtype] = stages_of(rest, store, folds, 0)
    found["another seed"] = stages_of(rest, folder / f"{method}-float32", folds, 1)
    for name, (kappa, stages) in found.items():
        equal = np.mean(stages == found["float32"][1])
        print(
            f"{method} {name:12}  kappa {kappa:.4f}, stages equal to those of float32 "
            f"{equal:.4f}"
        )
    n_epochs = sum(night.n_epochs for night in X.recordings)
    scale = SHHS_NIGHTS * SHHS_EPOCHS / n_epochs
    for dtype in DTYPES:
        print(
            f"{method} {dtype:12}  {sizes[dtype] / 1e6:.1f} MB in {seconds[dtype]:.1f} "
            f"s of CPU; SHHS-1 on paper: {scale * sizes[dtype] / 1e9:.0f} GB, "
            f"{scale * seconds[dtype] / 3600:.1f} h of one core",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=10)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--folds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        X, _, _ = make_polysomnography(
            arguments.subjects, hours=arguments.hours, random_state=0
        )
        X = X.materialize(Path(folder, "raw"))
        for method in MODALITIES:
            measure(method, X, arguments.folds, Path(folder))


if __name__ == "__main__":
    main()
