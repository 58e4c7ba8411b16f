"""Kappa on nights of other equipment, trained with and without `DomainRandomizer`.

    python benchmarks/domain_randomization.py [--seeds 3] [--subjects 24] [--hours 4]

Boosted trees on band powers of one simulated EEG channel are trained on two thirds of
the subjects as they are, on one random version of each, and on four. The nights of the
others are staged as they are, and as other equipment would record them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import make_pipeline

from sleepkit.datasets import make_polysomnography
from sleepkit.preprocessing import BandPower, DomainRandomizer, FitOnSelected
from sleepkit.recording import EpochArray
from sleepkit.signal import Acquisition, acquire_signal

SITES = {
    "the same": Acquisition(),
    "gain 6 dB": Acquisition(gain=6.0),
    "gain 12 dB (out of range)": Acquisition(gain=12.0),
    "tilt -1.5 dB/octave": Acquisition(tilt=-1.5),
    "tilt 1.5 dB/octave": Acquisition(tilt=1.5),
    "tilt -3 dB/octave (out of range)": Acquisition(tilt=-3.0),
    "high-pass 0.6 Hz": Acquisition(highpass=0.6),
    "low-pass 25 Hz": Acquisition(lowpass=25.0),
    "white noise at 15 dB": Acquisition(snr=15.0),
    "1/f noise at 15 dB": Acquisition(snr=15.0, noise_tilt=-3.0),
    "all of them, milder": Acquisition(4.0, -1.0, 0.4, 30.0, 20.0),
}
VERSIONS = {"as they are": 0, "1 version": 1, "4 versions": 4}
NORMALIZE = (None, "append", "replace")


@dataclass(frozen=True)
class Acquire:
    """A step that records nights by other equipment."""

    acquisition: Acquisition

    def __call__(self, recording):
        changed = {}
        for name, signal in recording.signals.items():
            channels = [
                acquire_signal(channel, signal.sfreq, self.acquisition)
                for channel in signal.data
            ]
            changed[name] = signal.replace(data=np.stack(channels))
        return recording.with_signals(changed)


def fit(nights, versions, normalize):
    first = [DomainRandomizer(random_state=0)] if versions else []
    stager = make_pipeline(
        *first,
        BandPower(context=2, normalize=normalize),
        FitOnSelected(HistGradientBoostingClassifier(max_iter=60, random_state=0)),
    )
    X = EpochArray(
        night.replace(id=f"{night.id}/{k}")
        for night in nights
        for k in range(max(versions, 1))
    )
    return stager.fit(X, X.hypnogram)


def kappas(seed, n_subjects, hours):
    """Kappa of every stager at every site."""
    X, _, _ = make_polysomnography(
        n_subjects, hours=hours, modalities="eeg", random_state=seed
    )
    nights = X.materialize().recordings
    n_train = n_subjects * 2 // 3
    stagers = {
        (normalize, name): fit(nights[:n_train], versions, normalize)
        for normalize in NORMALIZE
        for name, versions in VERSIONS.items()
    }
    for site, acquisition in SITES.items():
        test = EpochArray(nights[n_train:]).map(Acquire(acquisition)).materialize()
        for key, stager in stagers.items():
            yield (site, *key), cohen_kappa_score(test.hypnogram, stager.predict(test))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--hours", type=float, default=4.0)
    arguments = parser.parse_args()
    found = {}
    for seed in range(arguments.seeds):
        for key, kappa in kappas(seed, arguments.subjects, arguments.hours):
            found.setdefault(key, []).append(kappa)
    for normalize in NORMALIZE:
        print(f"\nnormalize={normalize!r}\n\n| equipment | {' | '.join(VERSIONS)} |")
        print("|---" * (1 + len(VERSIONS)) + "|")
        for site in SITES:
            means = [np.mean(found[site, normalize, name]) for name in VERSIONS]
            print(f"| {site} |", " | ".join(f"{mean:.2f}" for mean in means), "|")


if __name__ == "__main__":
    main()
