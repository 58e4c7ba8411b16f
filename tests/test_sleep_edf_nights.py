"""MedFuseSleep on real nights: one fit, staged with both modalities and with either.

The features of 76 whole nights of 39 subjects (Sleep-EDF Expanded), 10 band powers of
two EEG and one EOG channel, scaled per night by their publisher. Scored on all scored
epochs of nights cut to sleep and 30 minutes around it; 5-fold by subject, pooled kappa.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GroupKFold

from sleepkit.pipelines import make_stager
from sleepkit.recording import EpochArray

pytestmark = [pytest.mark.real, pytest.mark.slow]

SUBSETS = {"eeg+eog": ["eeg", "eog"], "eeg": ["eeg"], "eog": ["eog"]}


@pytest.fixture(scope="module")
def nights(real_data):
    """All scored epochs, and their stages; the others stay behind as context."""
    blocks, labels, names = [], [], []
    for path in sorted((real_data / "sleep_edf" / "nights").glob("*.npz")):
        night = np.load(path)
        blocks.append(night["features"])
        labels.append(night["labels"])
        names += [path.stem] * len(labels[-1])
    features, stages = np.concatenate(blocks), np.concatenate(labels)
    X = EpochArray.from_arrays(
        {"eeg": features[:, :2], "eog": features[:, 2]},
        recording=names,
        subject=[name[:5] for name in names],
    )
    scored = stages >= 0
    return X[scored], stages[scored].astype(int)


@pytest.fixture(scope="module")
def predicted(nights):
    """Predicted stages of held-out subjects, by the modalities that are given."""
    X, y = nights
    stager = make_stager("medfusesleep", random_state=0)["stage"].set_params(
        d_model=64,
        n_layers=2,
        dim_feedforward=128,
        d_head=64,
        multi_view=2,
        lr=1e-3,
        max_epochs=8,
        stride=3,
    )
    stages = {name: np.empty_like(y) for name in SUBSETS}
    for train, test in GroupKFold(5).split(X, y, X.subject):
        stager.fit(X[train], y[train])
        for name, modalities in SUBSETS.items():
            stages[name][test] = stager.predict(X[test].select(modalities))
    return stages


@pytest.mark.parametrize(
    ("subset", "floor"), [("eeg+eog", 0.755), ("eeg", 0.74), ("eog", 0.63)]
)
def test_kappa(nights, predicted, subset, floor):
    _, y = nights
    kappa = cohen_kappa_score(y, predicted[subset])
    print(f"{subset}: kappa {kappa:.3f} pooled over {len(y)} epochs")
    assert kappa >= floor
