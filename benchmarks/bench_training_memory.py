"""Anonymous memory of training from mapped spectra, of 40 nights and of 400.

    python benchmarks/bench_training_memory.py [FOLDER]

A night is 8 h of EEG and EOG spectra, 29 MB. Forty are written, and ten links to each
are the 400, so that 1.2 GB of disk will do. Each fit has a process of its own, a small
net (what the net itself takes hides nothing) and 200 steps; all nights are looked at
for gaps before, and a tenth of them validates after.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

NIGHTS = (40, 400)
MODALITIES = ("eeg", "eog")
EPOCHS, FRAMES, BINS = 960, 29, 128
STEPS = 200


def write(folder):
    """Write the spectra of the fewer nights."""
    rng = np.random.default_rng(0)
    for night in range(NIGHTS[0]):
        hypnogram = rng.integers(0, 5, EPOCHS)
        np.save(folder / f"{night}-stages.npy", hypnogram)
        for name in MODALITIES:
            spectra = rng.random((EPOCHS, 1, FRAMES, BINS), np.float32)
            spectra[:, 0, :, 0] += hypnogram[:, np.newaxis]
            np.save(folder / f"{night}-{name}.npy", spectra)


def map_nights(folder, n_nights):
    """Make nights of the files, each under a name and a link of its own."""
    from sleepkit.recording import EpochArray, MappedArray, Recording, Signal

    nights = []
    for number in range(n_nights):
        signals = {}
        for name in MODALITIES:
            file = folder / f"{number}-{name}.npy"
            if not file.exists():
                os.link(folder / f"{number % NIGHTS[0]}-{name}.npy", file)
            signals[name] = Signal(MappedArray.from_npy(file, f"{number}-{name}"))
        stages = np.load(folder / f"{number % NIGHTS[0]}-stages.npy")
        night = f"night-{number:04d}"
        nights.append(
            Recording(id=night, subject=night, signals=signals, hypnogram=stages)
        )
    return EpochArray(nights)


class Watch(threading.Thread):
    """Looks at the process again and again."""

    def __init__(self):
        super().__init__(daemon=True)
        self.anonymous = self.files = 0

    def run(self):
        while True:
            self.anonymous = max(self.anonymous, anonymous())
            self.files = max(self.files, len(list(Path("/proc/self/fd").iterdir())))
            time.sleep(0.005)


def anonymous():
    """Read how many bytes of memory have no file behind them."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return 1024 * int(found["RssAnon"].split()[0])


def fit(folder, n_nights):
    """Train, and report peak memory and times."""
    from skorch.callbacks import Callback

    from sleepkit.classifiers import MedFuseSleepClassifier
    from sleepkit.training import RecordingSource

    class Stop(Callback):
        """Ends the training with the first round."""

        def on_train_begin(self, net, **kwargs):
            self.opened = time.perf_counter()

        def on_epoch_end(self, net, **kwargs):
            times["train"] = net.history[-1, "dur"]
            times["open"] = self.opened - start
            raise KeyboardInterrupt

    times = {"load": 0.0}
    values = RecordingSource.values

    def timed(self, numbers):
        begin = time.perf_counter()
        found = values(self, numbers)
        times["load"] += time.perf_counter() - begin
        return found

    RecordingSource.values = timed
    small = {"d_model": 16, "n_heads": 2, "n_layers": 1, "dim_feedforward": 32}
    stager = MedFuseSleepClassifier(
        **small, d_head=32, validate_every=STEPS, callbacks=[Stop], random_state=0
    )
    X = map_nights(folder, n_nights)
    before = anonymous()
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    stager.fit(X, X.hypnogram)
    peak = {"before": before, "peak": watch.anonymous, "files": watch.files}
    print(json.dumps(peak | times))


def main(folder):
    """Fit in processes of their own, and print what they took."""
    write(folder)
    peaks = []
    for n_nights in NIGHTS:
        command = [sys.executable, __file__, str(folder), str(n_nights)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        report = json.loads(done.stdout)
        peaks.append(report["peak"])
        print(
            f"{n_nights:4} nights: peak {report['peak'] / 1e6:.0f} MB, "
            f"{report['before'] / 1e6:.0f} MB before the fit; "
            f"{report['files']} open files; "
            f"{report['open']:.1f} s to open, {report['train']:.1f} s to train, "
            f"{report['load']:.1f} s of it to read batches",
            flush=True,
        )
    print(f"ratio {peaks[1] / peaks[0]:.3f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        fit(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory(dir=next(iter(sys.argv[1:]), None)) as made:
            main(Path(made))
