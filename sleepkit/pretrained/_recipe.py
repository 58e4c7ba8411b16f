"""Recipe of the pretrained stagers: nights, features, nets and their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sklearn.pipeline import Pipeline

from sleepkit import classifiers, datasets, preprocessing
from sleepkit.pretrained._feature_nights import N_FEATURES
from sleepkit.recording import EpochArray
from sleepkit.training import Checkpoint

MODALITIES: Final = ("eeg", "eog", "emg")
_SFREQ: Final = 100  # Hz
_NIGHT: Final = 8.0  # hours
_N_PASSES: Final = {"bands": 5, "eeg": 5, "emg": 5}

# No band above 25 Hz: recordings at 50 Hz have none.
EDGES: Final = (0.5, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 25)
NET: Final = {"n_filters": 64, "sequence_length": 100, "validation_fraction": 0.05}


@dataclass(frozen=True)
class Recipe:
    """Numbers of the training of the pretrained stagers.

    Parameters
    ----------
    n_subjects : int, default=300
        Simulated subjects, a recording each.
    hours : tuple of float, default=(0.6, 4.0)
        Shortest and longest recording, stretches of a night of 8 h.
    held_out : float, default=0.1
        Share of the subjects, simulated and real, on which members are calibrated; as
        many again give the scores of the cards.
    n_copies : int, default=1
        Copies of each simulated training recording, randomised in different ways.
    edges : tuple of float, default=EDGES
        Edges of the fine bands in hertz.
    n_passes : mapping of str to int, default={"bands": 5, "eeg": 5, "emg": 5}
        Passes over the epochs of each member.
    net : mapping of str to object, default=NET
        Parameters of the `TemporalConvClassifier` of each member.

    See Also
    --------
    pretrain : Trains by a recipe.

    Examples
    --------
    >>> from sleepkit.pretrained import Recipe
    >>> Recipe(n_subjects=10).hours
    (0.6, 4.0)
    """

    n_subjects: int = 300
    hours: tuple[float, float] = (0.6, 4.0)
    held_out: float = 0.1
    n_copies: int = 1
    edges: tuple[float, ...] = EDGES
    n_passes: Mapping[str, int] = field(default_factory=lambda: dict(_N_PASSES))
    net: Mapping[str, Any] = field(default_factory=lambda: dict(NET))


def simulate(recipe: Recipe, seed: int) -> EpochArray:
    """Simulate a stretch of a night of each subject, at sites of all kinds."""
    X, _, _ = datasets.make_polysomnography(
        recipe.n_subjects,
        hours=recipe.hours,
        within=_NIGHT,
        site="varied",
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
    """Features of "eeg" and "emg": signals in, logarithms of fine bands out."""
    bands = {
        f"{low:g}-{high:g}": (low, high)
        for low, high in zip(recipe.edges, recipe.edges[1:], strict=False)
    }
    return Pipeline(
        [
            ("channels", preprocessing.FixedChannels()),
            ("resample", preprocessing.Resampler(_SFREQ)),
            ("power", preprocessing.BandPower(bands, ratios=())),
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


def fine_net(member: str, recipe: Recipe, seed: int, work: Path) -> Pipeline:
    """Untrained net of "eeg" or "emg"; it keeps its passes in a folder."""
    return Pipeline(
        [
            ("relative", preprocessing.RelativeFeatures()),
            ("standardize", preprocessing.SpectrumScaler()),
            ("stage", _net(member, recipe, seed, work)),
        ]
    )


def bands_net(recipe: Recipe, seed: int, work: Path) -> Pipeline:
    """Untrained net of the member "bands", of two EEG channels and one EOG."""
    channels = preprocessing.FixedChannels({"eeg": 2, "eog": 1}, n_features=N_FEATURES)
    return Pipeline(
        [
            ("channels", channels),
            ("relative", preprocessing.RelativeFeatures()),
            ("standardize", preprocessing.SpectrumScaler()),
            ("stage", _net("bands", recipe, seed, work)),
        ]
    )


def _net(member: str, recipe: Recipe, seed: int, work: Path) -> Any:
    """Untrained classifier of a member."""
    return classifiers.TemporalConvClassifier(
        **recipe.net,
        max_epochs=recipe.n_passes[member],
        random_state=seed,
        n_threads=1,
        callbacks=[Checkpoint(str(work / member))],
    )
