"""Recipe of the pretrained stagers: nights, features, nets and their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sklearn.pipeline import Pipeline

from sleepkit import classifiers, datasets, preprocessing
from sleepkit.recording import EpochArray
from sleepkit.training import Checkpoint

MODALITIES: Final = ("eeg", "eog", "emg")
_SFREQ: Final = 100  # Hz
_N_FEATURES: Final = 10  # of PowerShares, a channel


EDGES: Final = (0.5, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 25, 30)
NET: Final = {
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 2,
    "dim_feedforward": 128,
    "d_head": 64,
    "dropout": 0.1,
    "lr": 1e-3,
    "batch_size": 8,
    "max_epochs": 8,
    "multi_view": 2.0,
    "stride": 3,
}


@dataclass(frozen=True)
class Recipe:
    """Numbers of the training of the pretrained stagers.

    Parameters
    ----------
    n_subjects : int, default=60
        Simulated subjects, a night each.
    hours : float, default=8.0
        Length of their nights.
    held_out : float, default=0.2
        Share of the subjects, simulated and real, on which the weights of the members
        are fitted; as many again give the scores of the cards.
    n_copies : int, default=2
        Copies of each simulated training night, randomised in different ways.
    edges : tuple of float, default=EDGES
        Edges of the fine bands in hertz.
    net : mapping of str to object, default=NET
        Parameters of the `MedFuseSleepClassifier` of both members.

    See Also
    --------
    pretrain : Trains by a recipe.

    Examples
    --------
    >>> from sleepkit.pretrained import Recipe
    >>> Recipe(n_subjects=10).hours
    8.0
    """

    n_subjects: int = 60
    hours: float = 8.0
    held_out: float = 0.2
    n_copies: int = 2
    edges: tuple[float, ...] = EDGES
    net: Mapping[str, Any] = field(default_factory=lambda: dict(NET))


def simulate(recipe: Recipe, seed: int) -> EpochArray:
    """Simulate a night of each subject."""
    X, _, _ = datasets.make_polysomnography(
        recipe.n_subjects,
        hours=recipe.hours,
        modalities=MODALITIES,
        random_state=seed,
    )
    return X


def randomise(recipe: Recipe, X: EpochArray, seed: int) -> EpochArray:
    """Copy nights, each copy as another laboratory records it."""
    copies = EpochArray(
        recording.replace(id=f"{recording.id}/{copy}")
        for recording in X.recordings
        for copy in range(recipe.n_copies)
    )
    changed: EpochArray = preprocessing.DomainRandomizer(
        random_state=seed
    ).fit_transform(copies)
    return changed


def fine_bands(recipe: Recipe) -> Pipeline:
    """Features of the member "spectra": signals in, logarithms of fine bands out."""
    bands = {
        f"{low:g}-{high:g}": (low, high)
        for low, high in zip(recipe.edges, recipe.edges[1:], strict=False)
    }
    return Pipeline(
        [
            ("channels", preprocessing.FixedChannels()),
            ("resample", preprocessing.Resampler(_SFREQ)),
            ("power", preprocessing.BandPower(bands, ratios=(), normalize="append")),
        ]
    )


def public_bands() -> Pipeline:
    """Features of the member "bands": signals in, features as published out."""
    return Pipeline(
        [
            ("resample", preprocessing.Resampler(_SFREQ)),
            (
                "filter",
                preprocessing.BandpassFilter({"eeg": (0.5, 30), "eog": (0.5, 15)}),
            ),
            ("scale", preprocessing.SignalScaler(robust=False)),
            ("power", preprocessing.PowerShares()),
        ]
    )


def spectra_net(recipe: Recipe, seed: int, work: Path) -> Pipeline:
    """Untrained net of the member "spectra"; it keeps its passes in a folder."""
    return Pipeline(
        [
            ("standardize", preprocessing.SpectrumScaler()),
            ("stage", _net(recipe, seed, work)),
        ]
    )


def bands_net(recipe: Recipe, seed: int, work: Path) -> Pipeline:
    """Untrained net of the member "bands", of two EEG channels and one EOG."""
    channels = preprocessing.FixedChannels({"eeg": 2, "eog": 1}, n_features=_N_FEATURES)
    return Pipeline(
        [
            ("channels", channels),
            ("standardize", preprocessing.SpectrumScaler()),
            ("stage", _net(recipe, seed, work)),
        ]
    )


def _net(recipe: Recipe, seed: int, work: Path) -> Any:
    """Untrained classifier."""
    return classifiers.MedFuseSleepClassifier(
        **recipe.net,
        random_state=seed,
        n_threads=1,
        callbacks=[Checkpoint(str(work))],
    )
