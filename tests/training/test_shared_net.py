"""Training shared by two processes, which run this file as a script."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sleepkit.classifiers import (
    MedFuseSleepClassifier,
    ModuleClassifier,
    SleepMGClassifier,
)
from sleepkit.exceptions import SleepkitError
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.training import Checkpoint

NAMES = ("eeg", "eog", "emg")
PARAMS = {
    "device": "accelerate",
    "n_threads": 1,
    "random_state": 0,
    "validation_fraction": 0.3,
    "max_epochs": 2,
}


def nights(lengths=(14, 10, 12), factor=1):
    """Features of as many subjects; the first one has no EOG."""
    recordings = []
    for i, n in enumerate(lengths):
        rng = np.random.default_rng(i)
        hypnogram = rng.permutation(n) % 3
        values = {m: np.eye(3)[hypnogram] + rng.normal(size=(n, 3)) for m in NAMES}
        there = [m for m in NAMES if (i, m) != (0, "eog")]
        signals = {m: Signal(factor * values[m]) for m in there}
        about = {"id": f"n{i}", "subject": f"s{i}", "hypnogram": hypnogram}
        recordings.append(Recording(**about, signals=signals))
    X = EpochArray(recordings)
    return X, X.hypnogram


def medfuse(**params):
    """Losses that average over different epochs, on batches of three sequences."""
    small = {
        "sequence_length": 4,
        "d_model": 8,
        "n_heads": 2,
        "n_layers": 1,
        "dim_feedforward": 16,
        "d_head": 8,
        "dropout": 0.0,
        "subset_head": False,
        "modality_dropout": 0.3,
        "temperature": "learned",
        "negatives": "batch",
        "class_weight": "balanced",
        "batch_size": 3,
    }
    return MedFuseSleepClassifier(**PARAMS | small | params)


def sleepmg(**params):
    """Two groups of subjects, and balanced modalities."""
    return SleepMGClassifier(**PARAMS | {"batch_size": 9} | params)


class Encoder(nn.Linear):
    """An encoder without statistics of the batch."""

    n_features = 4

    def __init__(self, n_inputs):
        super().__init__(n_inputs, self.n_features)


class Cumulative(nn.Module):
    """Reads sums of the EEG along the night."""

    def __init__(self, n_classes):
        super().__init__()
        self.head = nn.Linear(3, n_classes)
        self.sums = torch.zeros(0, 3)

    def forward(self, inputs, present, continues=None):
        sums = inputs["eeg"].cumsum(1)
        if continues is not None and continues.any():
            sums = sums + self.sums[: len(sums), None]
        self.sums = sums[:, -1]
        return self.head(sums)


class Carrying(ModuleClassifier):
    """Nights side by side, of which a module carries a state."""

    def _build_module(self):
        return self.module(len(self.classes_))

    def _training_plan(self, source):
        return [self._stage(source, sampler="in_order", carry_state=True)]


class Mean(Cumulative):
    """Returns a number for the batch, and not for each row."""

    def forward(self, inputs, present, continues=None):
        return super().forward(inputs, present).mean()


class Noisy(Cumulative):
    """Adds one random number to all of its rows."""

    def forward(self, inputs, present, continues=None):
        return super().forward(inputs, present) * 0 + torch.rand(())


class KeepTwoRows(Callback):
    """Keeps the outputs of the first row of each process."""

    def on_grad_computed(self, net, **kwargs):
        assert isinstance(net.module_, Noisy)
        rows = net.last_batch_.output[:2, 0, 0].tolist()
        if len(rows) == 2:
            net.history.record("rows", rows)


def carrying(module=Cumulative, **params):
    """A stager of the class above."""
    small = {"sequence_length": 3, "batch_size": 2}
    return Carrying(module, **PARAMS | small | params)


class OneSubset(Callback):
    """The subset head has the same subset in all processes and steps."""

    def on_train_begin(self, net, **kwargs):
        def draw(present, _):
            return present & torch.tensor([True, True, False])

        self.patch = patch("sleepkit.nn._fusion.random_subset", draw)
        self.patch.start()

    def on_train_end(self, net, **kwargs):
        self.patch.stop()


EXACT = {
    "medfuse": medfuse,
    "subset head": lambda: medfuse(  # whole epochs: there are subsets to draw
        subset_head=True, modality_dropout=0.0, callbacks=[OneSubset()]
    ),
    "sleepmg": lambda: sleepmg(encoder=Encoder, dropout=0.0),
    "carried state": carrying,
    "one row a batch": lambda: carrying(batch_size=1),
}
ALIKE = {  # in both processes; one alone draws, or normalises, otherwise
    "dropout": lambda: medfuse(dropout=0.3, subset_head=True),
    "batch norm": sleepmg,
}
REFUSED = {  # by a word of the message; of each process, with a factor for its data
    "random_state": lambda _: (medfuse(random_state=None), 1),
    "row": lambda _: (carrying(Mean), 1),
    "parameters": lambda rank: (medfuse(max_epochs=2 + rank), 1),
    "data": lambda rank: (medfuse(), 1 + rank),
}


def fit(stager, factor=1):
    """Losses and weights of a fit."""
    net = stager.fit(*nights(factor=factor)).net_
    state = [*net.module_.state_dict().values(), *net.criterion_.state_dict().values()]
    return {
        "losses": np.array(net.history[:, ("train_loss", "valid_loss")]),
        "weights": np.concatenate([v.double().flatten().numpy() for v in state]),
    }


def main(folder, rank):
    """Fit all cases in one of the processes, and keep the results."""
    warnings.simplefilter("error")
    for name, make in (EXACT | ALIKE).items():
        np.savez(folder / f"{name}-{rank}.npz", **fit(make()))
    noisy = carrying(Noisy, callbacks=[KeepTwoRows()])
    rows = [noisy.fit(*nights()).net_.history[:, "rows"] for _ in range(2)]
    np.savez(folder / f"noise-{rank}.npz", rows=rows)
    messages = {}
    for name, make in REFUSED.items():
        with pytest.raises(SleepkitError) as caught:
            fit(*make(int(rank)))
        messages[name] = str(caught.value)
    (folder / f"messages-{rank}.json").write_text(json.dumps(messages))
    kept = Checkpoint(folder / "kept")
    for _ in range(2):  # the second takes what the first has kept
        found = fit(carrying(callbacks=[kept], verbose=True))
    np.savez(folder / f"kept-{rank}.npz", **found)
    torch.distributed.destroy_process_group()
    threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    (folder / f"threads-{rank}.json").write_text(json.dumps(threads))


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """The folder of the results of two processes, and what they printed as errors."""
    folder = tmp_path_factory.mktemp("launched")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    settings |= {"OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, folder, rank],
            env=os.environ | settings | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        printed = [process.communicate(timeout=600)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], printed
    return folder, printed


def results(launched, name):
    """What each process has kept of a case."""
    return [dict(np.load(launched[0] / f"{name}-{rank}.npz")) for rank in (0, 1)]


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_train_as_one_does(launched, name):
    alone = fit(EXACT[name]())
    for shared in results(launched, name):
        np.testing.assert_allclose(shared["losses"], alone["losses"], rtol=1e-5)
        np.testing.assert_allclose(shared["weights"], alone["weights"], atol=1e-5)


@pytest.mark.parametrize("name", EXACT | ALIKE)
def test_both_processes_have_the_same_weights(launched, name):
    first, second = results(launched, name)
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_each_process_draws_its_own_numbers_from_the_seed(launched):
    first, second = (kept["rows"] for kept in results(launched, "noise"))
    assert np.array_equal(first, second)
    fit, again = first
    assert len(np.unique(fit)) == fit.size == 4  # of two passes
    assert np.array_equal(fit, again)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shared_is_refused_by_both(launched, name):
    for rank in (0, 1):
        messages = json.loads((launched[0] / f"messages-{rank}.json").read_text())
        assert "device='accelerate'" in messages[name]
        assert name in messages[name]


def test_only_the_main_process_writes(launched):
    folder, printed = launched
    assert len(list((folder / "kept").iterdir())) == 1
    assert "training" in printed[0]
    assert printed[1] == ""
    plain, kept = results(launched, "carried state"), results(launched, "kept")
    assert np.array_equal(plain[1]["weights"], kept[1]["weights"])


@pytest.mark.skipif(sys.platform != "linux", reason="Threads are listed in /proc.")
@pytest.mark.parametrize("rank", [0, 1])
def test_no_thread_of_the_processes_group_is_left(launched, rank):
    threads = json.loads((launched[0] / f"threads-{rank}.json").read_text())
    assert threads
    assert not [name for name in threads if "gloo" in name]


def test_one_process_trains_as_without_the_option():
    shared, plain = fit(medfuse(dropout=0.3)), fit(medfuse(dropout=0.3, device="cpu"))
    assert all(np.array_equal(shared[key], plain[key]) for key in plain)


def test_the_extra_is_named_where_accelerate_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"sleepkit-learn\[accelerate\]"):
        fit(medfuse())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
