from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.cli._stagers import METHODS, make_stager
from sleepkit.recording import EpochArray


@pytest.mark.parametrize("method", METHODS)
def test_each_takes_any_modalities(method, cohort, tmp_path):
    X = EpochArray(cohort)
    stager = make_stager(method, tmp_path)
    if method != "trees":
        stager.set_params(stage__max_epochs=1)
    stager.fit(X, X.hypnogram)
    whole = stager.predict_proba(X)
    for name in X.modalities:
        part = stager.predict_proba(X.drop(name))
        assert np.isfinite(part).all()
        assert not np.allclose(part, whole)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_computed_is_kept(method, tmp_path):
    assert make_stager(method, tmp_path)["cache"].directory == tmp_path
    assert make_stager(method, "other")["cache"].directory == "other"


def test_published_sizes(tmp_path):
    medfuse = make_stager("medfusesleep", tmp_path, published=True)
    default = MedFuseSleepClassifier(random_state=0)
    assert medfuse["stage"].get_params() == default.get_params()
    assert medfuse["spectra"].hop == 1
    sleepmg = make_stager("sleepmg", tmp_path, published=True)
    default = SleepMGClassifier(random_state=0)
    assert sleepmg["stage"].get_params() == default.get_params()
    assert make_stager("medfusesleep", tmp_path)["spectra"].hop == 2  # as it was
