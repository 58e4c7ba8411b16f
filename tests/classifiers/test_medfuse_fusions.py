"""What each fusion of MedFuseSleepClassifier promises: any modalities, any subset."""

from __future__ import annotations

import pickle
from itertools import combinations

import numpy as np
import pytest
import torch

from sleepkit.datasets import make_polysomnography
from sleepkit.nn import EarlyFusionNet, MedFuseNet, MidLateFusionNet
from sleepkit.preprocessing import QualityMask, Resampler, STFTEpocher

FUSIONS = {
    "coordinated": MedFuseNet,
    "early": EarlyFusionNet,
    "mid-late": MidLateFusionNet,
}


@pytest.fixture(params=FUSIONS)
def make_stager(request, medfuse):
    """A factory of small classifiers of one fusion."""
    return lambda **params: medfuse(fusion=request.param, **params)


def without(X, modality, epochs=slice(None)):
    """Mark epochs of every night as invalid in one modality."""
    nights = []
    for night in X.recordings:
        valid = np.ones(night.n_epochs, np.bool_)
        valid[epochs] = False
        signal = night.signals[modality].replace(valid=valid)
        nights.append(night.with_signals(dict(night.signals) | {modality: signal}))
    return X.with_recordings(nights)


def with_values(X, modality, value):
    """Put a value in the place of all that one modality says."""
    nights = []
    for night in X.recordings:
        signal = night.signals[modality]
        signal = signal.replace(data=np.full_like(signal.data, value))
        nights.append(night.with_signals(dict(night.signals) | {modality: signal}))
    return X.with_recordings(nights)


def test_each_fusion_has_its_net(make_stager, make_nights):
    stager = make_stager(max_epochs=1).fit(*make_nights(2))
    assert type(stager.module_) is FUSIONS[stager.fusion]


def test_any_number_of_modalities_and_channels(make_stager):
    """Four modalities of one to three channels; every pair is staged."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(24) % 3)
    columns = {"eeg": [0, 1, 2], "eog": [3, 4], "emg": [5], "resp": [6]}
    X = rng.normal(size=(24, 7, 2, 3)) + y[:, None, None, None] * np.array([2, -2, 2])
    stager = make_stager(modalities=columns, batch_size=12, lr=0.03, max_epochs=12)
    stager.fit(X, y)
    assert stager.layout_["eeg"] == (3, 2, 3)
    assert stager.score(X, y) > 0.9
    scores = []
    for names in combinations(columns, 2):
        some = np.full_like(X, np.nan)
        for name in names:
            some[:, columns[name]] = X[:, columns[name]]
        scores.append(stager.score(some, y))
    assert np.mean(scores) > 0.5  # chance is 0.33


def test_one_modality_alone(make_stager, make_nights):
    X, y = make_nights(3, stages=3)
    stager = make_stager(max_epochs=12).fit(X.select(["eeg"]), y)
    assert list(stager.module_.heads) == ["eeg"]
    assert stager.score(X.select(["eeg"]), y) > 0.6  # chance is 0.33


@pytest.mark.parametrize("missing", ["unimodal_head", "fused_head"])
def test_a_subset_is_staged_as_if_the_rest_were_absent(
    make_stager, make_nights, missing
):
    X, y = make_nights(3)
    stager = make_stager(missing=missing, max_epochs=2).fit(X, y)
    for name, other in (("eeg", "eog"), ("eog", "eeg")):
        alone = stager.predict_proba(X.select([name]))
        for spoilt in (without(X, other), with_values(X, other, np.nan)):
            np.testing.assert_allclose(stager.predict_proba(spoilt), alone, atol=1e-6)
        assert not np.allclose(stager.predict_proba(X), alone, atol=1e-3)


@pytest.mark.parametrize("missing", ["unimodal_head", "fused_head"])
def test_epochs_of_a_night_by_hand(make_stager, make_nights, missing):
    """One sequence with gaps in both modalities, epoch by epoch from the right head."""
    X, y = make_nights(2, n_epochs=6)
    stager = make_stager(sequence_length=6, missing=missing, max_epochs=2).fit(X, y)
    night = without(without(X[:6], "eog", [1, 2]), "eeg", [4])
    found = np.log(stager.predict_proba(night))
    inputs = {name: torch.tensor(X[:6].epochs(name))[None] for name in ("eeg", "eog")}
    present = {name: torch.ones(1, 6, dtype=torch.bool) for name in inputs}
    present["eog"][:, [1, 2]] = False
    present["eeg"][:, 4] = False
    with torch.no_grad():
        logits = stager.module_(inputs, present).logits
    heads = ["fused", "eeg", "eeg", "fused", "eog", "fused"]
    for epoch, head in enumerate(heads):
        head = "fused" if missing == "fused_head" else head
        expected = logits[head][0, epoch].log_softmax(-1)
        np.testing.assert_allclose(found[epoch], expected, atol=1e-5)


def spoil(stager, views):
    """Let some heads say anything."""
    with torch.no_grad():
        for view in views:
            for parameter in stager.module_.heads[view].parameters():
                parameter.add_(torch.randn_like(parameter))


@pytest.mark.parametrize(
    ("params", "reads_fused"),
    [
        ({}, False),
        ({"multi_view": 0, "alignment": 0}, True),  # MedFuseSleep-Base
        ({"missing": "fused_head"}, True),
        ({"missing": "unimodal_head", "multi_view": 0.5}, False),
    ],
)
def test_the_head_of_a_single_modality(make_stager, make_nights, params, reads_fused):
    X, y = make_nights(2)
    stager = make_stager(max_epochs=1, **params).fit(X, y)
    alone = stager.predict_proba(X.select(["eeg"]))
    spoil(stager, ["eog", "eeg" if reads_fused else "fused"])
    np.testing.assert_array_equal(stager.predict_proba(X.select(["eeg"])), alone)
    spoil(stager, ["fused" if reads_fused else "eeg"])
    assert not np.allclose(stager.predict_proba(X.select(["eeg"])), alone)


def test_the_head_may_be_chosen_after_the_fit(make_stager, make_nights):
    X, y = make_nights(2)
    stager = make_stager(max_epochs=2).fit(X, y)
    own = stager.predict_proba(X.select(["eeg"]))
    stager.set_params(missing="fused_head")
    assert not np.allclose(stager.predict_proba(X.select(["eeg"])), own)


def test_untrained_unimodal_heads_are_refused(medfuse, blobs):
    with pytest.raises(
        ValueError, match=r"missing='unimodal_head' .* needs multi_view > 0"
    ):
        medfuse(missing="unimodal_head", multi_view=0).fit(*blobs)


def test_broken_stretches_count_as_missing(make_stager):
    """Through QualityMask: what stands in a flat or railing stretch does not matter."""
    X, y, _ = make_polysomnography(
        2, hours=0.5, modalities=["eeg", "eog"], random_state=0
    )
    X = Resampler(50).fit_transform(X)
    steps = QualityMask(), STFTEpocher()

    def prepare(X):
        for step in steps:
            X = step.fit_transform(X)
        return X

    stager = make_stager(d_model=16, max_epochs=1).fit(prepare(X), y)
    broken = slice(10, 20)
    masked = without(X, "eeg", broken)
    expected = stager.predict_proba(prepare(masked))
    for fault in (0.0, 900.0):
        nights = []
        for night in X.recordings:
            eeg = night.signals["eeg"]
            data = eeg.data.copy()
            data[:, broken.start * 1500 : broken.stop * 1500] = fault
            signals = dict(night.signals) | {"eeg": eeg.replace(data=data)}
            nights.append(night.with_signals(signals))
        found = stager.predict_proba(prepare(X.with_recordings(nights)))
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not np.allclose(stager.predict_proba(prepare(X)), expected, atol=1e-4)


def test_it_pickles(make_stager, make_nights):
    X, y = make_nights(2)
    stager = make_stager(
        max_epochs=1, temperature="learned", modality_dropout=0.2, schedule="released"
    ).fit(X, y)
    again = pickle.loads(pickle.dumps(stager))
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))
    again.partial_fit(X, y)


def test_unknown_epochs_of_arrays(make_stager, blobs):
    """Rows without any modality get the shares of the classes."""
    X, y = blobs
    columns = {"eeg": [0, 1], "eog": [2, 3]}
    stager = make_stager(modalities=columns, max_epochs=2).fit(X, y)
    rows = X[:6].copy()
    rows[0, :2] = rows[1, 2:] = np.nan
    rows[2] = np.nan
    with pytest.warns(UserWarning, match="1 of 6 epochs have no valid signal"):
        proba = stager.predict_proba(rows)
    np.testing.assert_allclose(proba[2], stager.class_prior_)
