"""Epochs that QualityMask marks: real ones, simulated ones, and damaged ones.

    python benchmarks/quality_mask.py [--subjects 6] [--hours 1]

Beside it, the rule that it replaced: flat, clipped, or a logarithm of the SD more than
five robust SDs from the median of the night. SLEEPKIT_REAL_DATA names the folder of
the real recordings; without it they are left out. They were seen when the limits were
set, as were simulated subjects of seeds 0 to 104; the tables show seeds from 200 on.
Damage lasts all night.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
from common import table
from scipy import signal as filters

from sleepkit.datasets import make_polysomnography
from sleepkit.io import describe_channels, read_recording
from sleepkit.preprocessing import QualityMask
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import (
    QUALITY_LIMITS,
    QualityLimits,
    flag_windows,
    resample,
    robust_z,
)

MODALITIES = ("eeg", "eog", "emg", "ecg")
STAGES = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "REM", -1: "unscored"}
PER_EPOCH = ("stages", "before", "after")
RATES = (50, 100, 125, 200, 256)
# What amplifiers let through, in hertz: all, or what sleep labs usually record.
PASSBANDS = {
    "eeg": (None, (0.3, 35.0)),
    "eog": (None, (0.3, 35.0)),
    "emg": (None, (10.0, 100.0)),
    "ecg": (None, (0.3, 70.0)),
}
SIZE = {"eeg": 60.0, "eog": 80.0, "emg": 60.0, "ecg": 300.0}  # of the simulator's noise


def marks_before(epochs):
    """Marks of the rule that was replaced, on the epochs of a channel."""
    flags = flag_windows(epochs, limits=QualityLimits(max_clipped=0.01))
    with np.errstate(divide="ignore"):
        spread = np.log(np.where(flags.flat, np.nan, flags.sd))
    return flags.bad | (np.abs(robust_z(spread)) > 5)


def marks_after(epochs, sfreq, modality):
    """Marks of QualityMask on the epochs of a channel."""
    return flag_windows(epochs, sfreq=sfreq, limits=QUALITY_LIMITS[modality]).bad


@dataclass
class Channel:
    """Samples before the amplifier, with all that damage depends on."""

    x: np.ndarray
    sfreq: float
    size: float
    rng: np.random.Generator

    def white(self, sd):
        """White noise."""
        return self.rng.normal(0, sd, self.x.size)

    def mains(self):
        """Hum of the simulator's size; None where the rate holds no mains."""
        lines = [line for line in (50, 60) if line <= self.sfreq / 2]
        if not lines:
            return None
        cycles = (self.rng.choice(lines) - 0.03) * np.arange(self.x.size) / self.sfreq
        return 3 * self.size * np.sin(2 * np.pi * cycles)

    def decaying(self, kicks, seconds):
        """Steps that decay within seconds."""
        memory = np.exp(-1 / (seconds * self.sfreq))
        return filters.lfilter([1], [1, -memory], kicks)

    def within(self, begin, end):
        """Which samples are between two seconds of their epoch."""
        seconds = np.arange(self.x.size) / self.sfreq % 30
        return (seconds >= begin) & (seconds < end)


def blue(c):
    """Noise of a differentiating input: its power rises with frequency."""
    noise = np.diff(c.white(1), prepend=0)
    return c.size * noise / noise.std()


def drifts(c):
    """Swings of millivolts within seconds, and the noise of the amplifier."""
    slow = c.decaying(c.decaying(c.white(1), 2), 2)
    return 25 * c.size * slow / slow.std() + c.white(0.5)


def pops(c):
    """Two pops a second on the signal, each a step that decays in half a second."""
    kicks = (c.rng.random(c.x.size) < 2 / c.sfreq) * c.rng.choice([-1, 1], c.x.size)
    return c.x + c.decaying(kicks * c.rng.uniform(8, 16, c.x.size) * c.size, 0.5)


def movement(c):
    """Eight seconds of wild signal."""
    wild = c.decaying(c.white(c.size / 3), 0.5) + c.white(c.size / 3)
    return c.x + np.where(c.within(11, 19), wild, 0)


def mains_alone(c):
    """Hum instead of the signal; nothing where the recorder filters it."""
    mains = c.mains()
    return np.zeros_like(c.x) if mains is None else mains


def mains_added(c):
    """Hum on the signal."""
    mains = c.mains()
    return None if mains is None else c.x + mains


GOOD = {"as it is": lambda c: c.x, "a movement of 8 s": movement}
DAMAGE = {
    "simulator: flat": lambda c: np.zeros_like(c.x),
    "simulator: white noise": lambda c: c.white(c.size),
    "simulator: mains": mains_alone,
    "broken_signals: loose": lambda c: c.white(150).clip(-150, 150),
    "broken_signals: noisy": lambda c: c.x + c.white(120),
    "noisy for 18 s of 30": lambda c: c.x + np.where(c.within(9, 27), c.white(120), 0),
    "mains on the signal": mains_added,
    "blue noise": blue,
    "white noise, a tenth of that": lambda c: c.white(c.size / 10),
    "noise of the amplifier, 0.3 uV": lambda c: c.white(0.3),
    "drifts": drifts,
    "pops": pops,
}


def simulate(modality, seed, hours):
    """One channel of a simulated night without faults, its rate and its stages."""
    with mock.patch("sleepkit.datasets._simulator._sensor._FAULTS_PER_HOUR", 0):
        X, y, _ = make_polysomnography(
            1, hours=hours, modalities=[modality], random_state=seed
        )
        signal = X.recordings[0].signals[modality]
        return np.asarray(signal.data)[0].astype(float), signal.sfreq, np.asarray(y)


def record(x, sfreq, passband):
    """What an amplifier of a passband writes, of second order on either side."""
    if passband is None:
        return x
    low, high = passband
    edges, kind = (passband, "bandpass") if high < 0.45 * sfreq else (low, "highpass")
    return filters.sosfilt(filters.butter(2, edges, kind, fs=sfreq, output="sos"), x)


def simulated(seeds, hours) -> Iterator[dict]:
    """Shares of epochs marked of each kind, subject, modality, rate and passband."""
    for seed, modality in product(seeds, MODALITIES):
        source, native, stages = simulate(modality, seed, hours)
        for sfreq in RATES:
            x = source if sfreq == native else resample(source, native, sfreq)
            for passband, kind in product(PASSBANDS[modality], [*GOOD, *DAMAGE]):
                rng = np.random.default_rng([seed, sfreq])
                damaged = (GOOD | DAMAGE)[kind](Channel(x, sfreq, SIZE[modality], rng))
                if damaged is None:
                    continue
                written = record(damaged, sfreq, passband).astype(np.float32)
                epochs = written.reshape(len(stages), -1)
                yield {
                    "kind": kind,
                    "modality": modality,
                    "sfreq": sfreq,
                    "filtered": passband is not None,
                    "stages": stages,
                    "before": marks_before(epochs),
                    "after": marks_after(epochs, sfreq, modality),
                }


def real(folder) -> Iterator[dict]:
    """Marks of each channel of the real recordings."""
    night = np.genfromtxt(folder / "pydynamo/segment_stages.csv", delimiter=",")[1:]
    codes = np.array([-1, 3, 2, 1, 4, 0])  # 5 W, 4 REM, 3 N1, 2 N2, 1 N3, 0 unscored
    data = np.genfromtxt(folder / "pydynamo/segment_data.csv", delimiter=",")
    data = data[np.isfinite(data)]
    onsets = 30 * np.arange(data.size // 3000)
    last = np.searchsorted(night[:, 0], onsets, side="right") - 1
    stages = codes[night[last, 1].astype(int)]
    yield mark("pydynamo", "eeg", 100, data, stages)
    # As if each stretch were a night of its own.
    parts = [
        mark("", "eeg", 100, data[3000 * at :][: 50 * 3000], stages[at:])
        for at in range(0, len(stages) - 49, 3)
    ]
    whole = {key: np.concatenate([part[key] for part in parts]) for key in PER_EPOCH}
    yield parts[0] | whole | {"name": f"pydynamo, {len(parts)} stretches of 25 min"}
    for number, sfreq in ((1, 100), (2, 200), (3, 50), (4, 200)):
        data = np.loadtxt(folder / f"dreams/excerpt{number}.txt", skiprows=1)
        yield mark(f"excerpt {number}", "eeg", sfreq, data, dreams(folder, number))
    files = {
        "dreams/excerpt3.edf": dreams(folder, 3),
        "nox/subject1.edf": None,
        "sleep_edf/SC4001E0-PSG-first5min.edf": np.zeros(10, int),
    }
    for name, stages in files.items():
        for channel in describe_channels(folder / name):
            if channel.modality in MODALITIES and channel.sfreq >= 50:
                one = {channel.modality: [channel.label]}
                signal = read_recording(folder / name, channels=one).signals
                signal = signal[channel.modality]
                label = f"{Path(name).name}: {channel.label}"
                data = np.asarray(signal.data)[0]
                yield mark(label, channel.modality, signal.sfreq, data, stages)


def dreams(folder, number):
    """Stages of an excerpt: the commonest of the six of an epoch; -1 is movement."""
    path = folder / f"dreams/Hypnogram_excerpt{number}.txt"
    codes = np.array([3, 3, 2, 1, 4, 0, -1])  # 0 S4 ... 5 W, and last (-1) movement
    fives = codes[np.loadtxt(path, skiprows=1).astype(int)[:360]].reshape(60, 6)
    counts = [(fives == stage).sum(axis=1) for stage in STAGES]
    return np.array(list(STAGES))[np.argmax(counts, axis=0)]


def mark(name, modality, sfreq, data, stages):
    """Marks of the whole epochs of a real channel."""
    size = int(30 * sfreq)
    epochs = data[: data.size // size * size].reshape(-1, size)
    stages = np.full(len(epochs), -1) if stages is None else stages[: len(epochs)]
    return {
        "name": name,
        "modality": modality,
        "sfreq": sfreq,
        "stages": stages,
        "before": marks_before(epochs),
        "after": marks_after(epochs, sfreq, modality),
    }


def rate(results, rule):
    """Share of the epochs that a rule marks, in percent."""
    marks = np.concatenate([result[rule] for result in results])
    return f"{100 * marks.mean():.1f} of {marks.size}"


def both(results):
    """The shares that are marked before and after."""
    if not results:
        return ["-", "-"]
    return [rate(results, rule).split(" of ")[0] for rule in ("before", "after")]


def of_stage(results, stage):
    """Results of the epochs of a stage."""
    found = []
    for result in results:
        here = result["stages"] == stage
        if here.any():
            found.append({rule: result[rule][here] for rule in ("before", "after")})
    return found


def by_stage(results):
    """A table of the shares marked of each modality and stage."""
    rows = []
    for modality in MODALITIES:
        chosen = [r for r in results if r["modality"] == modality]
        for stage, name in STAGES.items():
            here = of_stage(chosen, stage)
            if here:
                n_epochs = sum(len(r["after"]) for r in here)
                rows.append([modality.upper(), name, str(n_epochs), *both(here)])
        n_epochs = sum(len(r["after"]) for r in chosen)
        rows.append([modality.upper(), "all", str(n_epochs), *both(chosen)])
    return table(["modality", "stage", "epochs", "before, %", "after, %"], rows)


def by_damage(results):
    """A table of the shares marked of each kind, and the least of any one rate."""
    rows = []
    for kind, filtered in product(DAMAGE, (False, True)):
        row = [kind, "yes" if filtered else "no"]
        for modality in MODALITIES:
            chosen = [
                r
                for r in results
                if (r["kind"], r["modality"], r["filtered"])
                == (kind, modality, filtered)
            ]
            before, after = both(chosen)
            least = min(
                np.mean([r["after"].mean() for r in chosen if r["sfreq"] == sfreq])
                for sfreq in {r["sfreq"] for r in chosen}
            )
            row.append(f"{before} / {after} ({100 * least:.0f})")
        rows.append(row)
    return table(["damage", "filtered", *(m.upper() for m in MODALITIES)], rows)


def time_a_night(sfreq, runs=5):
    """Seconds of CPU for 960 epochs of five channels, the best of a few runs."""
    rng = np.random.default_rng(0)
    shape = {"eeg": 2, "eog": 1, "emg": 1, "ecg": 1}
    signals = {
        name: Signal(
            rng.standard_normal((n, 960 * 30 * sfreq), dtype=np.float32), sfreq
        )
        for name, n in shape.items()
    }
    X = EpochArray([Recording(id="n", subject="s", signals=signals)])
    mask = QualityMask().fit(X)
    taken = []
    for _ in range(runs):
        start = time.process_time()
        mask.transform(X).recordings[0].load()
        taken.append(time.process_time() - start)
    return min(taken)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--hours", type=float, default=1.0)
    arguments = parser.parse_args()
    for sfreq in (100, 200):
        print(f"a night at {sfreq} Hz: {time_a_night(sfreq):.2f} s of CPU")
    folder = os.environ.get("SLEEPKIT_REAL_DATA")
    if folder:
        results = list(real(Path(folder)))
        rows = [
            [r["name"], r["modality"].upper(), str(len(r["after"])), *both([r])]
            for r in results
        ]
        titles = ["recording", "modality", "epochs", "before, %", "after, %"]
        print("\nReal recordings\n\n" + table(titles, rows))
        print(by_stage(results))
    seeds = range(200, 200 + arguments.subjects)
    results = list(simulated(seeds, arguments.hours))
    for kind in GOOD:
        chosen = [r for r in results if r["kind"] == kind]
        print(f"\nSimulated nights, {kind}\n\n{by_stage(chosen)}")
    print(f"\nDamage: before / after (least of any rate)\n\n{by_damage(results)}")


if __name__ == "__main__":
    main()
