"""Live staging beside staging of the whole night: agreement, time and memory.

    python benchmarks/bench_live.py [--nights 2] [--hours 8] [--memory-hours 24]
        [--parts real simulated memory]

The default stager, one thread. A window is staged when each epoch is over; a look-ahead
of n takes the n-th last epoch of the window, so that one run gives every look-ahead
(checked on a stretch). A window as long as the night is the whole night so far.
"Filtered ahead" has the signals filtered as a whole before, by the stager's own bands:
what that gains is what the end of the window costs its filters. Times are CPU times of
the process, which other work on the machine makes up to twice as long.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from default_stager import dreams, pydynamo
from sklearn.metrics import cohen_kappa_score

from sleepkit.datasets import make_polysomnography
from sleepkit.exceptions import SleepkitWarning
from sleepkit.live import StreamingStager, _streaming_stager
from sleepkit.pipelines import stage_night
from sleepkit.preprocessing import BandpassFilter
from sleepkit.pretrained import load_stager
from sleepkit.recording import Recording

LOOK_AHEADS = (0, 5, 10)
MODALITIES = ("eeg", "eog", "emg")
BANDS = {"eeg": (0.5, 30), "eog": (0.5, 15)}  # of the default stager
PARTS = ("real", "simulated", "memory")


def layout(night):
    """Parameters of a live stager for a night."""
    signals = night.signals.items()
    return {
        "sfreq": {name: s.sfreq for name, s in signals},
        "ch_names": {name: s.ch_names for name, s in signals},
    }


def whole(night):
    """A chunk of the whole night."""
    return {name: signal.data for name, signal in night.signals.items()}


def windows(stager, night, **params):
    """Stages of every window of a live night, and CPU milliseconds an epoch."""
    found = []

    def note(*args):
        staged = stage_night(*args)
        found.append(staged.hypnogram.stages)
        return staged

    live = StreamingStager(stager, **layout(night), **params)
    _streaming_stager.stage_night = note
    try:
        start = time.process_time()
        live.push(whole(night))
        seconds = time.process_time() - start
    finally:
        _streaming_stager.stage_night = stage_night
    return found, 1000 * seconds / len(found)


def at_look_ahead(found, n_later):
    """Stages with a look-ahead: of each window the n-th last, of the last the rest."""
    stages = [window[-1 - n_later] for window in found if len(window) > n_later]
    return np.array([*stages, *found[-1][len(found[-1]) - n_later :]])


def check_look_aheads(stager, night):
    """Compare what one run gives with a run of its own, on twenty minutes."""
    signals = {
        name: s.replace(data=s.data[:, : round(1200 * s.sfreq)])
        for name, s in night.signals.items()
    }
    part = Recording(id="part", subject="part", signals=signals)
    found, _ = windows(stager, part, context=30)
    live = StreamingStager(stager, **layout(part), context=30, look_ahead=5)
    live.push(whole(part))
    assert np.array_equal(live.finish().stages, at_look_ahead(found, 5))


def kappa(one, other):
    """Kappa of what both have scored."""
    scored = (one >= 0) & (other >= 0)
    return cohen_kappa_score(one[scored], other[scored])


def compare(title, stager, nights, references=None, **params):
    """Print agreement with the whole night and with the expert."""
    rows, cost = [], []
    for i, night in enumerate(nights):
        reference = {} if references is None else {"reference": references[i]}
        found, milliseconds = windows(stager, night, **params, **reference)
        batch = stage_night(stager, night).hypnogram.stages
        lives = [at_look_ahead(found, n) for n in LOOK_AHEADS]
        rows.append((night.hypnogram, batch, lives))
        cost.append(milliseconds)
    expert, batch = (np.concatenate([row[i] for row in rows]) for i in (0, 1))
    lives = [np.concatenate([row[2][i] for row in rows]) for i in range(3)]
    first = np.concatenate([np.arange(len(row[0])) < 120 for row in rows])
    cells = [f"{kappa(batch, live):.3f}" for live in lives]
    cells.append(f"{kappa(expert, batch):.3f}")
    cells += [f"{kappa(expert, live):.3f}" for live in lives]
    cells += [f"{kappa(batch[first], live[first]):.3f}" for live in lives]
    if not first.all():
        cells += [f"{kappa(batch[~first], live[~first]):.3f}" for live in lives]
    print(f"| {title} | {' | '.join(cells)} | {np.mean(cost):.0f} |", flush=True)


def memory(stager, night, n_hours):
    """Push hours of signal in seconds of it; print megabytes held on the way."""
    live = StreamingStager(stager, **layout(night))
    data, rates = whole(night), {n: int(s.sfreq) for n, s in night.signals.items()}
    n_seconds = night.n_epochs * 30
    cpu, slowest = time.process_time(), 0.0
    for second in range(int(n_hours * 3600)):
        i = second % n_seconds
        begin = time.process_time()
        live.push({n: x[:, i * rates[n] : (i + 1) * rates[n]] for n, x in data.items()})
        slowest = max(slowest, time.process_time() - begin)
        if second + 1 in (3600 * h for h in (1, 2, 4, 8, 16, n_hours)):
            spent = 1000 * (time.process_time() - cpu) / len(live.stages())
            print(
                f"{(second + 1) // 3600} h: {resident():.0f} MB resident, "
                f"{spent:.0f} ms an epoch, slowest chunk {1000 * slowest:.0f} ms",
                flush=True,
            )


def resident():
    """Megabytes of memory that the process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main():
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=2)
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--memory-hours", type=int, default=24)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", SleepkitWarning)
    stager = load_stager()
    if "real" in args.parts:
        compare_real(stager, Path(os.environ["SLEEPKIT_REAL_DATA"]))
    if {"simulated", "memory"} & set(args.parts):
        earlier, nights = simulate(args.nights, args.hours)
    if "simulated" in args.parts:
        check_look_aheads(stager, nights[0])
        for context in (30, 120, nights[0].n_epochs):
            compare(f"simulated, {context}", stager, nights, context=context)
        compare("simulated, 120, reference", stager, nights, earlier, context=120)
    if "memory" in args.parts:
        memory(stager, nights[0], args.memory_hours)


def simulate(n_subjects, hours):
    """First and second nights of simulated subjects."""
    X, _, _ = make_polysomnography(
        n_subjects, nights=2, hours=hours, modalities=MODALITIES, random_state=5
    )
    recordings = [recording.load() for recording in X.recordings]
    return recordings[::2], recordings[1::2]


def compare_real(stager, folder):
    """Compare on the recordings of DREAMS and pyDYNAM-O."""
    nights = [dreams(folder / "dreams", number) for number in (1, 2, 3, 4)]
    nights.append(pydynamo(folder / "pydynamo"))
    for context in (30, 120, max(night.n_epochs for night in nights)):
        compare(f"real, {context}", stager, nights, context=context)
    filters = BandpassFilter(BANDS).fit(nights[0])
    filtered = [filters.transform(night).recordings[0].load() for night in nights]
    compare("real, filtered ahead, 120", stager, filtered, context=120)


if __name__ == "__main__":
    main()
