"""The recipe of the pretrained stagers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sleepkit.pretrained import Recipe
from sleepkit.pretrained._recipe import fine_bands, public_bands, randomise, simulate
from sleepkit.pretrained._stretches import stretches
from sleepkit.recording import EpochArray, Recording, Signal
from tests.tiny_recipe import TINY


def test_recipes_do_not_share_their_nets():
    recipe = Recipe()
    recipe.net["n_filters"] = 1
    assert Recipe().net["n_filters"] != 1
    with pytest.raises(AttributeError):
        recipe.hours = 1


def test_nights_are_seeded():
    one, other = (simulate(TINY, 0).recordings[0].load() for _ in range(2))
    for name, signal in one.signals.items():
        np.testing.assert_array_equal(signal.data, other.signals[name].data)


def test_copies_differ():
    X = randomise(replace(TINY, n_copies=2), simulate(TINY, 0)[:1], 0)
    first, second = (r.load().signals["eeg"].data for r in X.recordings)
    assert not np.allclose(first, second)
    assert len(set(X.subject)) == 1


def test_features():
    X = simulate(TINY, 0)[:30]
    fine = fine_bands(TINY).fit_transform(X)
    assert fine.shape == (30, 3 * 5)
    public = public_bands().fit_transform(X.select(["eeg", "eog"]))
    assert public.epochs("eeg").shape == public.epochs("eog").shape == (30, 10)
    # as published: of signals with SD 1, so that powers are less than 1 together
    total = np.exp(public.epochs("eeg")[:, :5]).sum(axis=1).mean()
    assert 0.3 < total < 1


def test_stretches_are_scaled_by_themselves():
    """Powers are as if the signals of the stretch had been z-scored alone."""
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(900, 2, 5)) + np.linspace(0, 3, 900)[:, None, None]
    features = np.concatenate([logs, np.exp(logs)], axis=-1).reshape(900, 20)
    night = Recording(
        id="n",
        subject="s",
        signals={"eeg": Signal(features)},
        hypnogram=np.arange(900) % 5,
    )
    X = stretches(EpochArray([night]), 0, z_scored=True)
    assert {len(part.hypnogram) for part in X.recordings} <= set(range(40, 81))
    np.testing.assert_array_equal(X.hypnogram, np.arange(len(X)) % 5)
    begin, mean = 0, np.exp(logs).sum(axis=-1).mean(axis=0)
    for part in X.recordings:
        values = part.signals["eeg"].data.reshape(-1, 2, 10)
        power = np.exp(values[..., :5]).sum(axis=-1).mean(axis=0)
        np.testing.assert_allclose(power, mean, rtol=1e-5)
        before = logs[begin : begin + len(values)]
        shift = values[..., :5] - before  # the same for all epochs and bands
        np.testing.assert_allclose(shift, shift[:1, :, :1] + 0 * shift, atol=1e-5)
        np.testing.assert_allclose(values[..., 5:], np.exp(before), rtol=1e-5)
        begin += len(values)


def test_stretches_of_other_features_are_cut_alone():
    features = np.arange(200.0)[:, np.newaxis]
    signals = {"emg": Signal(features, valid=np.arange(200) != 7)}
    night = Recording(
        id="n", subject="s", signals=signals, hypnogram=np.arange(200) % 5
    )
    X = stretches(EpochArray([night]), 0, z_scored=False)
    parts = [part.signals["emg"] for part in X.recordings]
    assert sum(len(part.data) for part in parts) in range(160, 201)
    found = np.concatenate([part.data for part in parts])
    np.testing.assert_array_equal(found, features[: len(found)])
    flags = np.concatenate([part.valid for part in parts])
    assert np.flatnonzero(~flags).tolist() == [7]
