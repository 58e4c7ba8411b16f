"""A night from its EDF file to spectra: time and memory, beside MNE and scipy.

    python benchmarks/bench_preprocessing.py [--runs 7] [--nights 40]

Every chain runs in a process of its own on one thread, the chains in turn, so that a
busy moment of the machine hits all of them. Memory is the peak of the anonymous memory
(RssAnon) above what the process held before the run; mapped files do not count.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

CHANNELS = {"EEG": (125, "eeg", 40.0), "EOG": (50, "eog", 23.0)}
BANDS = {modality: (0.3, high) for _, modality, high in CHANNELS.values()}
SFREQ = 100
FLOOR = 1e-3  # microvolts
POLL_SECONDS = 0.001
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def write_night(path: Path, hours: float, seed: int = 0) -> Path:
    """Write an EDF file of one EEG channel at 125 Hz and one EOG channel at 50 Hz."""
    import edfio
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    signals = [
        edfio.EdfSignal(
            lfilter([8], [1, -0.95], rng.standard_normal(round(hours * 3600 * rate))),
            rate,
            label=label,
            physical_dimension="uV",
            physical_range=(-500, 500),
        )
        for label, (rate, _, _) in CHANNELS.items()
    ]
    edfio.Edf(signals, data_record_duration=1).write(path)
    return path


# ------------------------------------------------------------------------ the chains


def sleepkit_nights(paths: list[Path]) -> Any:
    from sleepkit.io import read_recording
    from sleepkit.preprocessing import BandpassFilter, Resampler, STFTEpocher
    from sleepkit.recording import EpochArray

    channels = {modality: [label] for label, (_, modality, _) in CHANNELS.items()}
    X = EpochArray([read_recording(path, channels=channels) for path in paths])
    for step in (BandpassFilter(BANDS), Resampler(SFREQ), STFTEpocher(floor=FLOOR)):
        X = step.fit_transform(X)
    return X


def with_sleepkit(path: Path) -> dict[str, np.ndarray]:
    signals = sleepkit_nights([path]).recordings[0].compute().signals
    return {name: signal.data for name, signal in signals.items()}


def mne_spectra(raw: Any, method: str) -> dict[str, np.ndarray]:
    from scipy.signal import stft

    for label in raw.ch_names:
        low, high = BANDS[CHANNELS[label][1]]
        raw.filter(low, high, picks=[label], verbose="error")
    raw.resample(SFREQ, method=method, verbose="error")
    spectra = {}
    for label, samples in zip(raw.ch_names, raw.get_data(units="uV"), strict=True):
        epochs = samples[: len(samples) // 3000 * 3000].reshape(-1, 1, 3000)
        _, _, frames = stft(
            epochs, SFREQ, np.hamming(200), 200, 100, 256, boundary=None, padded=False
        )
        amplitude = 2 * np.abs(frames[..., 1:, :]).swapaxes(-1, -2)
        spectra[CHANNELS[label][1]] = 20 * np.log10(np.maximum(amplitude, FLOOR))
    return spectra


def with_mne(path: Path, method: str) -> dict[str, np.ndarray]:
    import mne

    raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    return mne_spectra(raw, method)


def with_mne_default(path: Path) -> dict[str, np.ndarray]:
    return with_mne(path, "fft")


def with_mne_polyphase(path: Path) -> dict[str, np.ndarray]:
    return with_mne(path, "polyphase")


def with_mne_by_rate(path: Path) -> dict[str, np.ndarray]:
    """Read each channel alone, so that MNE does not bring all to the highest rate."""
    import mne

    spectra = {}
    for label in CHANNELS:
        raw = mne.io.read_raw_edf(path, preload=True, include=[label], verbose="error")
        spectra |= mne_spectra(raw, "polyphase")
    return spectra


CHAINS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    "sleepkit": with_sleepkit,
    "MNE, defaults": with_mne_default,
    "MNE, polyphase": with_mne_polyphase,
    "MNE, polyphase, one file read a rate": with_mne_by_rate,
}


# ---------------------------------------------------------------- time and memory


def serve(chain: str, short: Path, night: Path, connection: Connection) -> None:
    """Warm up, then run the chain on request, and return the seconds."""
    warnings.simplefilter("ignore")
    CHAINS[chain](short)
    connection.send(0.0)
    while connection.recv():
        start = time.perf_counter()
        CHAINS[chain](night)
        connection.send(time.perf_counter() - start)


class Worker:
    """A chain in a process of its own."""

    def __init__(self, chain: str, short: Path, night: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(chain, short, night, other), daemon=True
        )
        self.process.start()
        self.connection.recv()

    def anonymous(self) -> float:
        """Read the anonymous memory of the process in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1000

    def seconds(self) -> float:
        self.connection.send(True)
        return self.connection.recv()

    def peak(self) -> float:
        """Run once, and watch how far the memory rises."""
        before = highest = self.anonymous()
        self.connection.send(True)
        while not self.connection.poll(POLL_SECONDS):
            highest = max(highest, self.anonymous())
        self.connection.recv()
        return highest - before


def compare_chains(folder: Path, n_runs: int) -> None:
    short = write_night(folder / "short.edf", hours=0.1)
    night = write_night(folder / "night.edf", hours=8)
    workers = {name: Worker(name, short, night) for name in CHAINS}
    peaks = {name: worker.peak() for name, worker in workers.items()}
    runs = [{name: w.seconds() for name, w in workers.items()} for _ in range(n_runs)]
    for worker in workers.values():
        worker.connection.send(False)
    times = {name: statistics.median(run[name] for run in runs) for name in CHAINS}
    print(f"One night of 8 h, median of {n_runs} runs:")
    for name in CHAINS:
        print(
            f"  {name:37} {times[name]:6.3f} s ({times[name] / times['sleepkit']:5.1f})"
            f"  {peaks[name]:6.0f} MB ({peaks[name] / peaks['sleepkit']:4.1f})"
        )
    report_difference(night)


def report_difference(night: Path) -> None:
    """Compare amplitudes at equal input: each channel read by MNE at its own rate."""
    ours, theirs = with_sleepkit(night), with_mne_by_rate(night)
    for name in ours:
        known = ~np.isnan(ours[name])
        a, b = (10 ** (x[name][known].astype(float) / 20) for x in (ours, theirs))
        relative = np.linalg.norm(a - b) / np.linalg.norm(b)
        print(f"  {name}: amplitudes differ from MNE's by {relative:.1e}, relative")


# ------------------------------------------------------------------------ many nights


def compare_workers(folder: Path, n_nights: int, n_runs: int) -> None:
    first = write_night(folder / "0.edf", hours=8)
    paths = [first, *(folder / f"{i}.edf" for i in range(1, n_nights))]
    for path in paths[1:]:
        shutil.copy(first, path)
    times: dict[int, list[float]] = {1: [], 2: []}
    sleepkit_nights(paths[:2]).materialize(folder / "warm", n_jobs=2)
    for _ in range(n_runs):
        for n_jobs, seconds in times.items():
            store = folder / "store"
            start = time.perf_counter()
            sleepkit_nights(paths).materialize(store, n_jobs=n_jobs)
            seconds.append(time.perf_counter() - start)
            shutil.rmtree(store)
    one, two = (statistics.median(seconds) for seconds in times.values())
    print(f"materialize of {n_nights} nights to disk, median of {n_runs} runs:")
    print(
        f"  n_jobs=1 {one:.2f} s, n_jobs=2 {two:.2f} s: {one / two:.2f} times as fast"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--nights", type=int, default=40)
    options = parser.parse_args()
    os.environ |= dict.fromkeys(ONE_THREAD, "1")  # for the processes that are started
    with tempfile.TemporaryDirectory() as name:
        compare_chains(Path(name), options.runs)
        compare_workers(Path(name), options.nights, options.runs)


if __name__ == "__main__":
    main()
