"""A public night of spectra, staged by the members of the default stager.

It has no signals, so that its band powers are sums over bins, which stand for those
that the members were trained on.
"""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
from common import table
from sklearn.pipeline import Pipeline

from sleepkit.metrics import staging_scores
from sleepkit.pretrained._recipe import EDGES
from sleepkit.recording import EpochArray, Recording, Signal

CHANNELS = ("fpz-cz", "pz-oz")
LENGTHS = {"whole night": 942, "84 minutes": 168, "half hours": 60}  # epochs
_STAGES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "REM": 4}
_BANDS = ((0.5, 4), (4, 8), (8, 12), (12, 16), (16, 30))
_BEGINS = {"bands": "channels", "eeg": "relative"}  # first step behind the features
_TO_MICROVOLTS = 1e12  # of squared volts


class SpectraNight:
    """Spectral densities of a night by channel, and its stages."""

    def __init__(self, folder):
        spectra = json.loads((folder / "spectrograms_openbci.json").read_text())
        scored = folder / "electrophysiologist_william_cyton.json"
        stages = json.loads(scored.read_text())["epochs"]["stages"]
        self.stages = np.array([_STAGES[stage] for stage in stages])
        self.freqs = np.array(spectra["frequencies"])
        self.density = {
            name: 10 ** (np.array(spectra[name]) / 10) * _TO_MICROVOLTS
            for name in CHANNELS
        }

    def fine(self, channel, rows):
        """Logarithms of the powers in fine bands, of some epochs."""
        density, width = self.density[channel][rows], self.freqs[1] - self.freqs[0]
        columns = []
        for low, high in pairwise(EDGES):
            bins = (self.freqs > low - width / 2) & (self.freqs < high + width / 2)
            columns.append(density[:, bins].mean(1) * (high - low))
        return np.log10(np.stack(columns, 1))

    def public(self, channel, rows):
        """Logarithms and shares of five band powers, as of z-scored signals."""
        density, width = self.density[channel][rows], self.freqs[1] - self.freqs[0]
        power = np.stack(
            [
                density[:, (self.freqs >= low) & (self.freqs < high)].sum(1) * width
                for low, high in _BANDS
            ],
            axis=1,
        )
        power /= power.sum(1).mean()
        return np.concatenate([np.log(power), power / power.sum(1, keepdims=True)], 1)


def stage(member, first, features, stages):
    """Probabilities of epochs by a member, from its first step behind features on."""
    names = [name for name, _ in member.steps]
    net = Pipeline(member.steps[names.index(first) :])
    signals = {"eeg": Signal(features.astype(np.float32))}
    night = Recording(id="n", subject="s", signals=signals, hypnogram=stages)
    return net.predict_proba(EpochArray([night]))


def spectra_table(stager, folder):
    """Kappa of each member and of both, by the length of the recordings."""
    night, pool = SpectraNight(folder), stager[-1]
    members = pool.named_estimators_
    rows = []
    for title, length in LENGTHS.items():
        for channel in CHANNELS:
            log, y = {"bands": [], "eeg": []}, []
            for begin in range(0, len(night.stages) - length + 1, length):
                part = slice(begin, begin + length)
                y.append(night.stages[part])
                for name, measure in (("bands", night.public), ("eeg", night.fine)):
                    proba = stage(
                        members[name], _BEGINS[name], measure(channel, part), y[-1]
                    )
                    log[name].append(np.log(proba + 1e-7))
            bands, eeg = (np.concatenate(log[name]) for name in ("bands", "eeg"))
            found = (bands, eeg, bands + eeg)
            y = np.concatenate(y)
            kappas = [staging_scores(y, each.argmax(1))["kappa"] for each in found]
            rows.append([title, channel, *(f"{kappa:.3f}" for kappa in kappas)])
    return table(["in", "channel", "bands", "eeg", "both"], rows)
