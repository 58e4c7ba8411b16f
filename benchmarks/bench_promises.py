"""What the promises cost: checksums, flushing, and reading files instead of mapping.

    python benchmarks/bench_promises.py [--repeats 7]

All figures are of one run: the ways are timed in turn, in seconds of one processor, and
the ratio is the median of those of each turn. Nothing else may be broken by what is
switched off here, so that the rest of the work is the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
import warnings
import zlib
from pathlib import Path
from unittest.mock import patch

import numpy as np
from bench_preprocessing import ONE_THREAD, sleepkit_nights, write_night

N_CHANNELS, RATE, SECONDS = 24, 256, 8 * 3600
SPREAD = {
    "first of 24 channels": [0],
    "another of them": [3],
    "two far from each other": [3, 20],
    "every third": range(0, 24, 3),
    "all": range(24),
}


def write_channels(path, n_channels=N_CHANNELS, seconds=SECONDS):
    """Write channels at 256 Hz, one second a record; 24 of 8 h are 354 MB."""
    fields = [("0", 8), ("X", 80), ("X", 80), ("02.03.20", 8), ("22.00.00", 8)]
    fields += [(256 * (n_channels + 1), 8), ("", 44), (seconds, 8), (1, 8)]
    fields += [(n_channels, 4), *((f"X{i}", 16) for i in range(n_channels))]
    values = ["", "uV", -500, 500, -32768, 32767, "", RATE, ""]
    for value, width in zip(values, (80, 8, 8, 8, 8, 8, 80, 8, 32), strict=True):
        fields += [(value, width)] * n_channels
    rng = np.random.default_rng(0)
    part = rng.integers(-3000, 3000, (60, n_channels * RATE), np.int16).tobytes()
    header = "".join(str(value).ljust(width) for value, width in fields)
    with path.open("wb") as file:
        file.write(header.encode())
        for _ in range(seconds // 60):
            file.write(part)
    return path


def read_mapped(path, numbers):
    """Read channels from a mapped file, as the definition of EDF says."""
    header = 256 * (N_CHANNELS + 1)
    shape = (SECONDS, N_CHANNELS, RATE)
    digits = np.memmap(path, "<i2", "r", header, shape)
    rows = np.empty((len(numbers), SECONDS * RATE), np.float32)
    gain = np.float32(1000 / 65535)
    for row, number in zip(rows, numbers, strict=True):
        values = row.reshape(SECONDS, RATE)
        np.multiply(digits[:, number], gain, out=values, casting="same_kind")
        values += np.float32(gain * 32768 - 500)
    return rows


def read_by_descriptor(path, numbers):
    """Read the same with the package."""
    from sleepkit.io import read_recording

    channels = {"eeg": [f"X{number}" for number in numbers]}
    return read_recording(path, channels=channels).signals["eeg"].data


def in_turn(ways, repeats):
    """Time ways of doing the same in turn: seconds of one processor, by way."""
    seconds = {name: [] for name in ways}
    for turn in range(repeats + 1):  # the first is not counted
        for name in list(ways)[:: (-1) ** turn]:
            start = time.process_time()
            ways[name]()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


def report(title, seconds, plain):
    """Print the ratio of each way to the plain one."""
    for name, found in seconds.items():
        pairs = zip(found, seconds[plain], strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        median = 1000 * statistics.median(found)
        print(f"{title:40} {name:28} {median:7.0f} ms {ratio:6.2f}", flush=True)


def compare_reading(folder, repeats):
    """Compare reading by descriptor with a mapped file."""
    path = write_channels(folder / "channels.edf")
    for title, numbers in SPREAD.items():
        mapped, read = read_mapped(path, numbers), read_by_descriptor(path, numbers)
        np.testing.assert_allclose(read, mapped, atol=1e-3)
        ways = {
            "mapped": lambda n=numbers: read_mapped(path, n),
            "sleepkit": lambda n=numbers: read_by_descriptor(path, n),
        }
        report(f"read {title}", in_turn(ways, repeats), "mapped")


def prepare(paths, store, *switched_off):
    """Compute the spectra of nights into an empty store, without some of the care."""
    shutil.rmtree(store, ignore_errors=True)
    off = {"checksum": (zlib, "crc32", 0), "flush": (os, "fsync", None)}
    patches = [patch.object(*off[name][:2], return_value=off[name][2]) for name in off]
    for name, each in zip(off, patches, strict=True):
        if name in switched_off:
            each.start()
    try:
        return sleepkit_nights(paths).materialize(store)
    finally:
        patch.stopall()


def compare_preparing(folder, repeats):
    """Compare the way from EDF files to spectra in a store without its care."""
    paths = [write_night(folder / f"{i}.edf", 8, i) for i in range(3)]
    store = folder / "store"
    ways = {
        "neither": lambda: prepare(paths, store, "checksum", "flush"),
        "checksum alone": lambda: prepare(paths, store, "flush"),
        "flush alone": lambda: prepare(paths, store, "checksum"),
        "both": lambda: prepare(paths, store),
    }
    report("3 nights, EDF to spectra in files", in_turn(ways, repeats), "neither")
    return prepare(paths, store), store


def compare_using(X, store, repeats):
    """Compare a pass of training, and staging, with the checks of the nights."""
    from sleepkit.pipelines import make_stager
    from sleepkit.recording import Store

    def check():
        """Check all values, as a process does that sees them for the first time."""
        for path in store.glob("*/*.npy"):
            os.utime(path)
        assert Store(str(store)).verify() == []

    stages = np.random.default_rng(0).integers(0, 5, len(X))
    net = make_stager("medfusesleep", random_state=0)[-1]
    net.set_params(max_epochs=1, validation_fraction=0.0)
    net.fit(X, stages)
    ways = {
        "check of the 3 nights": check,
        "a pass of training": lambda: net.fit(X, stages),
        "staging": lambda: net.predict(X),
    }
    seconds = in_turn(ways, repeats)
    for name in list(ways)[1:]:
        report("small net", {n: seconds[n] for n in (next(iter(ways)), name)}, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    os.environ |= dict.fromkeys(ONE_THREAD, "1")
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare_reading(folder, repeats)
        compare_using(*compare_preparing(folder, repeats), repeats)


if __name__ == "__main__":
    main()
