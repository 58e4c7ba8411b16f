"""The default stager beside YASA: a night of 8 h, from its EDF file to stages.

    python benchmarks/bench_default_stager.py [--runs 5]

The night is simulated: an EEG and a chin EMG at 256 Hz, and an EOG at 128 Hz. Cold:
``sleepkit stage``, which writes a CSV file, and a script of YASA, each a new process.
Warm: reading and staging again in a process that did it before. All in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edfio
import numpy as np

from sleepkit.datasets import make_polysomnography
from sleepkit.preprocessing import Resampler

SLEEPKIT = """
import warnings
from sleepkit.io import read_recording
from sleepkit.pipelines import stage_night
from sleepkit.pretrained import load_stager
stager = load_stager("default")
def stage(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        night = read_recording(path, channels={channels})
        return stage_night(stager, night).hypnogram
"""
YASA = """
import warnings
import mne
import yasa
def stage(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne.io.read_raw_edf(path, include={names}, preload=True, verbose="error")
        found = yasa.SleepStaging(raw, **{by}).predict()
        return getattr(found, "hypno", found)
"""
WARM = """
import sys, time
stage(sys.argv[1])
start = time.perf_counter()
stage(sys.argv[1])
print(time.perf_counter() - start)
"""
RATES = {"eeg": 256, "eog": 128, "emg": 256}
LABELS = {"eeg": "C3-M2", "eog": "E1-M2", "emg": "Chin"}
CHANNELS = {
    "EEG": {"eeg": ["C3-M2"]},
    "EEG, EOG, EMG": {name: [label] for name, label in LABELS.items()},
}
OF_YASA = {"eeg": "eeg_name", "eog": "eog_name", "emg": "emg_name"}


def write_night(path):
    """Write the simulated night."""
    X, _, _ = make_polysomnography(1, hours=8, modalities=tuple(RATES), random_state=0)
    signals = []
    for name, sfreq in RATES.items():
        one = Resampler(sfreq).fit_transform(X.select([name])).recordings[0]
        signal = one.signals[name]
        bound = np.abs(signal.data[0]).max()
        signals.append(
            edfio.EdfSignal(
                signal.data[0],
                signal.sfreq,
                label=LABELS[name],
                physical_dimension="uV",
                physical_range=(-bound, bound),
            )
        )
    edfio.Edf(signals).write(path)


def run(arguments):
    """Seconds, peak megabytes and output of a new process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        msg = f"{arguments} failed."
        raise RuntimeError(msg)
    return time.perf_counter() - start, usage.ru_maxrss / 1024, output.decode()


def programs(path, out, channels):
    """The arguments of each cold and warm run of both."""
    names = [name for group in channels.values() for name in group]
    by = {OF_YASA[name]: group[0] for name, group in channels.items()}
    ours = SLEEPKIT.format(channels=channels)
    theirs = YASA.format(names=names, by=by)
    given = [f"{name}={group[0]}" for name, group in channels.items()]
    others = [name for name in RATES if name not in channels]
    return {
        ("sleepkit", "cold"): [
            *("-m", "sleepkit", "stage", path, "--out", out, "--overwrite"),
            *("--format", "csv", "--channels", *given),
            *(("--without", *others) if others else ()),
        ],
        ("YASA", "cold"): ["-c", f"{theirs}\nimport sys\nstage(sys.argv[1])", path],
        ("sleepkit", "warm"): ["-c", ours + WARM, path],
        ("YASA", "warm"): ["-c", theirs + WARM, path],
    }


def main():
    """Print a row for each set of channels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "night.edf")
        write_night(path)
        for title, channels in CHANNELS.items():
            found = {}
            for _ in range(args.runs):
                for key, arguments in programs(
                    path, Path(folder, "out"), channels
                ).items():
                    seconds, memory, output = run(arguments)
                    if key[1] == "warm":
                        seconds = float(output.split()[-1])
                    found.setdefault(key, []).append((seconds, memory))
            for state in ("cold", "warm"):
                ours, theirs = (
                    [statistics.median(c) for c in zip(*found[n, state], strict=True)]
                    for n in ("sleepkit", "YASA")
                )
                print(
                    f"{title}, {state}: {ours[0]:.2f} s and {theirs[0]:.2f} s, "
                    f"ratio {ours[0] / theirs[0]:.2f}; peak {ours[1]:.0f} and "
                    f"{theirs[1]:.0f} MB, ratio {ours[1] / theirs[1]:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
