"""Adaptation of a stager to nights of one's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from sleepkit.classifiers import LogPoolClassifier
from sleepkit.exceptions import SleepkitError
from sleepkit.preprocessing import SpectrumScaler
from sleepkit.pretrained import adapt
from sleepkit.recording import EpochArray
from tests.estimators import MEDFUSE


def nights(names, stages, seed):
    """Nights of features, of some stages, a feature a stage."""
    rng = np.random.default_rng(seed)
    y = np.tile(stages, (len(names), 1)).ravel()
    features = 3 * np.eye(5)[y] + 0.3 * rng.normal(size=(len(y), 5))
    ids = np.repeat(names, len(stages))
    return EpochArray.from_arrays(features, recording=ids), y


@pytest.fixture(scope="module")
def stager():
    """A pool of one net, trained on all stages."""
    net = clone(MEDFUSE)
    net.set_params(sequence_length=5, batch_size=16, validation_fraction=0)
    net.set_params(lr=0.03, random_state=0)
    pool = LogPoolClassifier([("net", net)])
    X, y = nights(["a", "b"], np.arange(50) % 5, 0)
    return make_pipeline(SpectrumScaler(), pool).fit(X, y)


def test_replayed_stages_are_kept_and_parameters_too(stager):
    earlier = nights(["c", "d"], np.arange(50) % 5, 1)
    X, y = nights(["new"], np.arange(30) % 2, 2)
    before = stager[-1].estimators_[0].net_
    assert adapt(stager, X, y, replay=earlier, max_epochs=1) is stager
    net = stager[-1].estimators_[0]
    assert net.net_ is not before
    assert (net.lr, net.max_epochs) == (0.03, MEDFUSE.max_epochs)
    assert stager.score(*earlier) > 0.7  # two stages of five would be 0.4


def test_what_cannot_go_on():
    with pytest.raises(SleepkitError, match="training of GaussianNB cannot go on"):
        adapt(GaussianNB(), *nights(["a"], [0, 1], 0))


def test_what_is_not_simulated(stager):
    """Features, other classes, and modalities that simulated nights lack."""
    X, y = nights(["new"], np.arange(30) % 5, 2)
    with pytest.raises(SleepkitError, match=r"needs replay=\(X, y\) here: .* signals"):
        adapt(stager, X, y)
