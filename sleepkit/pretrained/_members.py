"""Members of the default stager, each trained once and kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.pipeline import Pipeline

from sleepkit import persistence
from sleepkit.classifiers import LogPoolClassifier
from sleepkit.exceptions import RecordingError
from sleepkit.pretrained._feature_nights import read_nights, single_channels
from sleepkit.pretrained._recipe import (
    Recipe,
    bands_net,
    fine_bands,
    fine_net,
    public_bands,
    randomise,
    simulate,
)
from sleepkit.pretrained._stretches import stretches
from sleepkit.recording import EpochArray, concatenate

# No nights could weigh the members: of real ones there are no fine bands, and of
# simulated ones "eeg" and "emg" have seen nothing else. So the EEG counts by halves,
# and the EMG, which alone stages worst, for little: with more the pool is too unsure.
SHARES: Final = {"bands": 0.45, "eeg": 0.45, "emg": 0.1}
_N_CUTS: Final = 2  # of each simulated night, for "eeg" and "emg"
_HOURS: Final = 400  # epochs of the longest stretch of a real night


def split_subjects(
    X: EpochArray, recipe: Recipe
) -> tuple[EpochArray, EpochArray, EpochArray]:
    """Nights to train on, of held-out subjects to calibrate, and of others for scores.

    Subjects are drawn, since their numbers may go with age.
    """
    subjects = np.random.default_rng(0).permutation(np.unique(X.subject))
    n_held_out = max(1, round(recipe.held_out * len(subjects)))
    if 2 * n_held_out >= len(subjects):
        msg = (
            "The training needs nights of three subjects or more, some to train on and "
            f"some held out; got {len(subjects)}."
        )
        raise RecordingError(msg)
    test, weigh = subjects[-n_held_out:], subjects[-2 * n_held_out : -n_held_out]
    in_test, in_weigh = np.isin(X.subject, test), np.isin(X.subject, weigh)
    return X[~in_test & ~in_weigh], X[in_weigh], X[in_test]


def train_member(
    name: str, recipe: Recipe, seed: int, paths: list[Path], work: Path
) -> Any:
    """Train a member, or read the one that is kept."""
    kept = work / f"{name}.model"
    if not kept.exists():
        simulated, _, _ = split_subjects(simulate(recipe, seed), recipe)
        nights = randomise(recipe, simulated, seed)
        if name == "bands":
            stager = _train_bands(nights, recipe, seed, work, paths)
        else:
            stager = _train_fine(name, nights, recipe, seed, work)
        stager.set_params(stage__callbacks=None)
        persistence.save_model(stager, kept)
    return persistence.load_model(kept)


def of_all_lengths(real: EpochArray, simulated: EpochArray, seed: int) -> EpochArray:
    """Training nights of "bands", whole and cut, by both EEG channels and by one."""
    single = single_channels(real)
    return concatenate(
        [
            real,
            stretches(single, seed, _HOURS, z_scored=True),
            stretches(single, seed, z_scored=True),
            simulated,
            stretches(simulated, seed, z_scored=True),
        ]
    )


def calibrate(name: str, member: Any, X: EpochArray) -> LogPoolClassifier:
    """Scale the log-probabilities of a member by what fits held-out nights best."""
    alone = LogPoolClassifier([(name, member)], prefit=True)
    return alone.fit(X, X.hypnogram).fit_weights(X, X.hypnogram)


def pool_members(
    members: Mapping[str, LogPoolClassifier], X: EpochArray
) -> LogPoolClassifier:
    """Pool calibrated members by their shares; the pool takes signals as X."""
    stagers = {name: members[name].estimators_[0] for name in SHARES}
    features = public_bands().fit(X.select(["eeg", "eog"]))
    stagers["bands"] = Pipeline([*features.steps, *stagers["bands"].steps])
    weights = [
        share * float(members[name].weights_[0]) for name, share in SHARES.items()
    ]
    pool = LogPoolClassifier([*stagers.items()], weights=weights, prefit=True)
    return pool.fit(X, X.hypnogram)


def _train_fine(
    name: str, nights: EpochArray, recipe: Recipe, seed: int, work: Path
) -> Pipeline:
    """Train on fine bands of a modality of simulated nights, whole and cut."""
    features = fine_bands(recipe)
    whole = features.fit_transform(nights.select([name])).materialize(work / "nights")
    cuts = [stretches(whole, seed + i, z_scored=False) for i in range(_N_CUTS)]
    X = concatenate([whole, *cuts])
    net = fine_net(name, recipe, seed, work).fit(X, X.hypnogram)
    return Pipeline([*features.steps, *net.steps])


def _train_bands(
    nights: EpochArray, recipe: Recipe, seed: int, work: Path, paths: list[Path]
) -> Pipeline:
    """Train on band powers of real nights and of simulated ones."""
    real, _, _ = split_subjects(read_nights(paths), recipe)
    features = public_bands().fit_transform(nights.select(["eeg", "eog"]))
    simulated = features.materialize(work / "nights")
    X = of_all_lengths(real, simulated, seed)
    return bands_net(recipe, seed, work).fit(X, X.hypnogram)
