"""Attention of a fitted MedFuseSleepClassifier within epochs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sleepkit.nn import EpochAttention
from sleepkit.recording import EpochArray


@pytest.fixture(scope="module")
def X():
    """Two nights of spectra, the second of which lacks the EOG in one epoch."""
    rng = np.random.default_rng(0)
    spectra = {name: rng.normal(size=(12, 1, 3, 4)) for name in ("eeg", "eog")}
    spectra["eog"][8] = np.nan
    nights = np.repeat(["a", "b"], 6)
    return EpochArray.from_arrays(spectra, recording=nights, subject=nights)


@pytest.fixture(scope="module")
def stager(medfuse, X):
    return medfuse(max_epochs=1, validation_fraction=0).fit(X, np.arange(12) % 3)


def test_arrays_with_a_row_for_each_row(stager, X):
    found = stager.attention(X[[8, 3]])
    assert isinstance(found, EpochAttention)
    assert found.frames["eeg"].shape == (2, 3)
    assert found.own["eeg"].shape == (2, 1, 2, 4, 4)
    assert found.cross["eeg"]["eog"].shape == (2, 1, 2, 4, 4)
    np.testing.assert_allclose(found.own["eeg"].sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.frames["eeg"].sum(axis=-1), 1, rtol=1e-5)
    whole = stager.attention(X)
    np.testing.assert_allclose(found.own["eeg"], whole.own["eeg"][[8, 3]], rtol=1e-5)


def test_it_is_that_of_the_net(stager, X):
    inputs = {
        name: torch.from_numpy(X[[3]].epochs(name)[np.newaxis]) for name in X.modalities
    }
    expected = stager.module_.eval().attention(inputs)
    found = stager.attention(X[[3]])
    np.testing.assert_allclose(found.frames["eog"], expected.frames["eog"], rtol=1e-5)


def test_a_missing_modality_is_nan(stager, X):
    found = stager.attention(X[[8, 3]])
    for weights in (found.frames["eog"], found.own["eog"], found.cross["eeg"]["eog"]):
        assert np.isnan(weights[0]).all()
        assert np.isfinite(weights[1]).all()
    alone = stager.attention(X[[8]].select(["eeg"]))
    assert list(alone.frames) == ["eeg"]
    expected = found.frames["eeg"][0]
    np.testing.assert_allclose(alone.frames["eeg"][0], expected, rtol=1e-5)


def test_shared_encoders_have_none(medfuse, X):
    early = medfuse(max_epochs=1, validation_fraction=0, fusion="early")
    early.fit(X, np.arange(12) % 3)
    with pytest.raises(ValueError, match="those of fusion='early' are shared"):
        early.attention(X)
