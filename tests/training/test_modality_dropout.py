"""Modality dropout: which modalities, how often, and that one always stays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from sleepkit.training import ArraySource, Batches, ModalityDropout
from sleepkit.training._modality_dropout import keep_some


@pytest.fixture(autouse=True)
def torch_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def drop(present, callback, step=0):
    """Run the callback on a batch; the targets hold what the inputs hold."""
    present = {name: np.array(there) for name, there in present.items()}
    callback.on_train_begin(net=None)
    callback.step_ = step
    batch = ({"present": present}, {"present": present})
    callback.on_batch_begin(net=None, batch=batch, training=True)
    return present


def test_by_hand():
    """One epoch in each column: u below .5 goes, except where it is the largest."""
    u = np.array([[0.1, 0.1, 0.6, 0.4, 0.1], [0.7, 0.3, 0.8, 0.9, 0.2]])
    present = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    kept = keep_some(present, u, 0.5) & present
    np.testing.assert_array_equal(kept, [[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]])


def test_nothing_is_made_present():
    present = {"eeg": np.zeros((8, 3), bool), "eog": np.ones((8, 3), bool)}
    found = drop(present, ModalityDropout(0.9))
    assert not found["eeg"].any()
    assert found["eog"].all()


@pytest.mark.parametrize("per", ["sequence", "epoch"])
def test_the_last_one_stays(per):
    rng = np.random.default_rng(0)
    present = {name: rng.random((200, 5)) < 0.6 for name in ("eeg", "eog", "emg")}
    found = drop(present, ModalityDropout(0.95, per=per))
    before, after = (sum(x.astype(int) for x in p.values()) for p in (present, found))
    assert ((after > 0) == (before > 0)).all()
    assert (after[before > 1] < before[before > 1]).mean() > 0.9


def test_whole_sequences():
    """Unless an epoch would lose its last modality."""
    full = {name: np.ones((500, 4), bool) for name in ("eeg", "eog")}
    found = drop(full, ModalityDropout(0.3))
    for there in found.values():
        assert (there.all(axis=1) == there.any(axis=1)).all()
    single = (found["eeg"] ^ found["eog"])[:, 0].mean()
    assert single == pytest.approx(1 - 0.7**2, abs=0.06)
    epochs = drop(full, ModalityDropout(0.3, per="epoch"))["eeg"]
    assert (epochs.all(axis=1) != epochs.any(axis=1)).any()


def test_it_rises():
    full = {name: np.ones((2000, 1), bool) for name in ("eeg", "eog")}
    callback = ModalityDropout(0.5, rise=10)
    shares = [1 - drop(full, callback, step)["eeg"].mean() for step in (0, 5, 10, 50)]
    # left out, and not the survivor: p - p ** 2 / 2
    assert shares == pytest.approx([0, 0.219, 0.375, 0.375], abs=0.03)


def test_validation_stays_as_it_is():
    present = {name: np.ones((50, 2), bool) for name in ("eeg", "eog")}
    callback = ModalityDropout(0.9)
    callback.on_train_begin(net=None)
    callback.on_batch_begin(None, ({"present": present}, {}), training=False)
    assert all(there.all() for there in present.values())
    assert callback.step_ == 0


@pytest.mark.parametrize("length", [None, 1])
def test_batches_of_epochs_alone(length):
    """Inputs and targets of real batches change together, the data do not."""
    source = ArraySource({"eeg": np.ones((40, 1)), "eog": np.ones((40, 1))})
    zeros = np.zeros(40, int)
    batch = next(iter(Batches(source, {"stages": zeros}, 40, length)))
    callback = ModalityDropout(0.6)
    callback.on_train_begin(net=None)
    callback.on_batch_begin(None, batch, training=True)
    inputs, targets = batch
    assert not inputs["present"]["eeg"].all()
    np.testing.assert_array_equal(inputs["present"]["eeg"], targets["present"]["eeg"])
    assert source.present["eeg"].all()


def test_the_seed_decides():
    full = {name: np.ones((50, 2), bool) for name in ("eeg", "eog")}
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(drop(full, ModalityDropout(0.5))["eeg"])
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()


def test_it_pickles():
    assert pickle.loads(pickle.dumps(ModalityDropout(0.2, rise=3))).rise == 3


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"p": 1.0}, "'p' parameter of ModalityDropout must be >= 0 and < 1"),
        ({"rise": -1}, "'rise'"),
        ({"per": "night"}, "'per'.*'sequence', 'epoch'"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ModalityDropout(**parameters).on_train_begin(net=None)
