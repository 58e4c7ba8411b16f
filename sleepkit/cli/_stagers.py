"""The stagers that the command trains, by the names of their methods."""

from __future__ import annotations

from os import PathLike
from typing import Any, Final, NamedTuple

from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.preprocessing import (
    BandpassFilter,
    BandPower,
    Cache,
    FitOnSelected,
    QualityMask,
    Resampler,
    SignalScaler,
    SpectrumScaler,
    STFTEpocher,
)

_SFREQ: Final = 100  # Hz, of every night that a net sees
_CACHE: Final = ("cache", Cache("cache"))  # its folder is set when a stager is made


class Method(NamedTuple):
    """A stager that a laptop trains in minutes, and what its paper has instead."""

    small: Pipeline
    published: dict[str, Any]


def make_stager(
    method: str, cache: str | PathLike[str], *, published: bool = False
) -> Pipeline:
    """Make the Pipeline of a method, which keeps what it computes of a night.

    What the last step sees is relative to the night: that is what helps most with
    people who were not trained on. ``published`` takes sizes and training of the paper.
    """
    found = METHODS[method]
    stager: Pipeline = clone(found.small).set_params(cache__directory=cache)
    return stager.set_params(**found.published) if published else stager


_MEDFUSESLEEP: Final = Pipeline(
    [
        ("quality", QualityMask()),
        ("resample", Resampler(_SFREQ)),
        ("spectra", STFTEpocher(hop=2.0)),
        _CACHE,
        ("scale", SpectrumScaler("recording")),
        (
            "stage",
            MedFuseSleepClassifier(
                d_model=32,
                n_heads=4,
                n_layers=1,
                dim_feedforward=64,
                dropout=0.1,
                d_head=32,
                lr=3e-3,
                batch_size=8,
                max_epochs=12,
                validation_fraction=0,  # so few passes need no early stopping
                random_state=0,
            ),
        ),
    ]
)
_SLEEPMG: Final = Pipeline(
    [
        ("quality", QualityMask()),
        ("filter", BandpassFilter((0.3, 35))),
        ("resample", Resampler(_SFREQ)),
        _CACHE,
        ("scale", SignalScaler()),
        (
            "stage",
            SleepMGClassifier(
                batch_size=64, max_epochs=6, validation_fraction=0, random_state=0
            ),
        ),
    ]
)
_TREES: Final = Pipeline(
    [
        ("quality", QualityMask()),
        ("power", BandPower(normalize="append", context=2)),
        _CACHE,
        (
            "stage",
            FitOnSelected(
                HistGradientBoostingClassifier(
                    max_iter=60,
                    max_leaf_nodes=15,
                    max_bins=63,
                    early_stopping=False,  # its inner split would not be by subject
                    random_state=0,
                )
            ),
        ),
    ]
)
METHODS: Final = {
    "medfusesleep": Method(
        _MEDFUSESLEEP,
        {"spectra__hop": 1.0, "stage": MedFuseSleepClassifier(random_state=0)},
    ),
    "sleepmg": Method(_SLEEPMG, {"stage": SleepMGClassifier(random_state=0)}),
    "trees": Method(_TREES, {}),
}
