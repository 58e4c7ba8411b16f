"""Dropout of parts of the modalities: how often, and which."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sleepkit.training._subset_dropout import SubsetDropout


@pytest.fixture(autouse=True)
def torch_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def drop(present, p):
    """Run the callback on a training batch, and stack what is left."""
    present = {name: np.array(there) for name, there in present.items()}
    callback = SubsetDropout(p)
    callback.on_train_begin(net=None)
    callback.on_batch_begin(net=None, batch=({"present": present}, {}), training=True)
    return np.stack(list(present.values()))


def test_every_proper_part_is_as_likely():
    """Of three modalities there are six, and whole sequences lose them."""
    full = {name: np.ones((6000, 4), bool) for name in ("eeg", "eog", "emg")}
    kept = drop(full, 0.6)
    assert (kept == kept[..., :1]).all()
    counts = np.bincount(np.array([1, 2, 4]) @ kept[..., 0], minlength=8)
    assert counts[0] == 0
    assert abs(counts[7] - 2400) < 150
    assert np.abs(counts[1:7] - 600).max() < 100


def test_the_last_one_stays():
    rng = np.random.default_rng(0)
    present = {name: rng.random((300, 5)) < 0.5 for name in ("eeg", "eog", "emg")}
    before = np.stack(list(present.values()))
    kept = drop(present, 0.9)
    assert not (kept & ~before).any()
    np.testing.assert_array_equal(kept.any(axis=0), before.any(axis=0))
    assert kept.sum() < before.sum()


def test_one_modality_stays_as_it_is():
    assert drop({"eeg": np.ones((50, 3), bool)}, 0.9).all()
