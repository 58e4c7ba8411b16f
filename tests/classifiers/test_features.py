"""The features behind the stages, fused and of each modality."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sleepkit.exceptions import SleepkitWarning


@pytest.fixture(params=["concat", "attention"])
def fitted(request, sleepmg, make_nights):
    X, y = make_nights(4)
    balance = ("classifier",) if request.param == "concat" else ()
    return sleepmg(fusion=request.param, balance=balance).fit(X, y), X, y


def test_the_head_reads_what_transform_gives(fitted):
    stager, X, _ = fitted
    Z = stager.transform(X)
    head = stager.module_.stage_head
    with torch.no_grad():
        logits = head(torch.from_numpy(Z).float())
    np.testing.assert_allclose(
        logits.softmax(1).numpy(), stager.predict_proba(X), atol=1e-5
    )
    names = stager.get_feature_names_out()
    assert Z.shape == (80, len(names))
    assert [names[0], names[-1]] == ["eeg_0", f"eog_{Z.shape[1] // 2 - 1}"]


def test_features_of_each_modality(fitted):
    stager, X, _ = fitted
    apart = stager.modality_features(X)
    assert {name: Z.shape for name, Z in apart.items()} == dict.fromkeys(
        ["eeg", "eog"], (80, 128)
    )
    if stager.fusion == "concat":
        together = np.hstack([apart["eeg"], apart["eog"]])
        np.testing.assert_array_equal(together, stager.transform(X))
    alone = stager.modality_features(X.select(["eog"]))
    np.testing.assert_array_equal(alone["eog"], apart["eog"])
    assert (alone["eeg"] == 0).all()


def test_features_train_other_classifiers(sleepmg, blobs):
    X, y = blobs
    X = np.repeat(X, 100, axis=1)
    stager = make_pipeline(
        sleepmg(max_epochs=4), LogisticRegression(max_iter=2000)
    ).fit(X, y)
    assert stager.score(X, y) > 0.9


def test_features_have_names_in_tables(sleepmg, blobs):
    X, y = blobs
    table = sleepmg(max_epochs=1).set_output(transform="pandas").fit_transform(X, y)
    assert list(table.columns[:2]) == ["eeg_0", "eeg_1"]


def test_epochs_without_signal_have_features_of_zero(sleepmg, blobs):
    X, y = blobs
    stager = sleepmg(max_epochs=1).fit(X, y)
    X = X.copy()
    X[3] = np.nan
    with pytest.warns(SleepkitWarning, match="1 of 60 epochs.*they get features of 0"):
        Z = stager.transform(X)
    assert (Z[3] == 0).all()
    assert np.isfinite(Z).all()
    assert (Z[4] != 0).any()
    with pytest.raises(ValueError, match="no epoch has a valid signal"):
        stager.transform(np.full((2, X.shape[1]), np.nan))


@pytest.mark.parametrize(
    "method", ["transform", "modality_features", "get_feature_names_out"]
)
def test_nothing_before_fit(sleepmg, method):
    with pytest.raises(NotFittedError):
        getattr(sleepmg(), method)(np.ones((3, 4)))
