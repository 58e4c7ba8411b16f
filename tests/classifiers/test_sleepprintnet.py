"""SleepPrintNet as a stager: neighbours of each epoch, penalties, the map."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import SleepPrintNetClassifier
from sleepkit.recording import EpochArray, Recording, Signal

NAMES = ("eeg", "eog")


@pytest.fixture
def sleepprintnet():
    """A factory of small SleepPrintNetClassifier."""

    def make(**params):
        small = {"n_filters": (4, 8), "d_head": 8, "dropout": 0.0, "lr": 0.01}
        small |= {"head_decay_ratio": 1.0, "batch_size": 8, "max_epochs": 2}
        shared = {"random_state": 0, "device": "cpu", "n_threads": 1}
        return SleepPrintNetClassifier(**small | shared | params)

    return make


def test_it_stages(sleepprintnet, check_stager):
    params = {"max_epochs": 40, "lr": 0.003, "electrodes": ["C3"]}
    check_stager(sleepprintnet(**params, validation_fraction=0), NAMES)


def test_the_published_size():
    stager = SleepPrintNetClassifier(electrodes=["F3", "F4", "C3", "C4", "O1", "O2"])
    stager.layout_ = {"eeg": (6, 3840), "eog": (2, 3840), "emg": (3, 3840)}
    stager.classes_, stager.epoch_duration_ = np.arange(5), 30.0
    n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 3_613_701


def seen_windows(stager, X):
    """Mean of each epoch that the net reads, in windows (n, n_epochs)."""
    seen, forward = [], type(stager.module_).forward

    def watched(self, inputs, present=None):
        seen.append(inputs["eeg"].mean((2, 3)))
        return forward(self, inputs, present)

    type(stager.module_).forward = watched
    try:
        stager.predict(X)
    finally:
        type(stager.module_).forward = forward
    return torch.cat(seen).round().int().tolist()


def test_neighbours(sleepprintnet):
    """Those of the same recording without a gap; at its rims the epoch is repeated."""
    values = np.repeat([1.0, 2, 3, 4, np.nan, 6, 7], 200)[None]
    nights = [
        Recording(
            id=f"n{i}",
            subject=f"s{i}",
            signals={"eeg": Signal(values + 10 * i, 100)},
            hypnogram=np.arange(7) % 2,
            epoch_duration=2.0,
        )
        for i in range(2)
    ]
    X = EpochArray(nights)
    stager = sleepprintnet(max_epochs=1, batch_size=12).fit(X, X.hypnogram)
    with pytest.warns(UserWarning, match="no valid signal"):
        found = seen_windows(stager, X)
    first = [[1, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 4], [6, 6, 7], [6, 7, 7]]
    assert found == first + [[v + 10 for v in row] for row in first]
    with pytest.warns(UserWarning, match="no valid signal"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(stager.predict_proba(X[2:4]), proba[2:4], atol=1e-6)


def test_rows_of_an_array_are_their_own_neighbours(sleepprintnet):
    X = np.repeat([[1.0], [2.0], [3.0], [4.0]], 300, axis=1)
    stager = sleepprintnet(max_epochs=1, batch_size=4).fit(X, [0, 1, 0, 1])
    assert seen_windows(stager, X) == [[i, i, i] for i in (1, 2, 3, 4)]


def test_penalties(sleepprintnet, loud_nights):
    """Of kernels and of the head alone, neither of biases nor of normalisations."""
    X, y = loud_nights(NAMES)
    decays = {}

    class Watch(Callback):
        def on_train_begin(self, net, **kwargs):
            names = {id(p): name for name, p in net.module_.named_parameters()}
            for group in net.optimizer_.param_groups:
                for parameter in group["params"]:
                    name = names[id(parameter)]
                    decays[name] = (parameter.ndim, group["weight_decay"])

    params = {"electrodes": ["C3"], "head_decay_ratio": 1000.0, "max_epochs": 1}
    sleepprintnet(**params, callbacks=[Watch()]).fit(X, y)
    for name, (ndim, decay) in decays.items():
        head = 0.2 if name.startswith("head") else 2e-4
        assert decay == pytest.approx(head if ndim > 1 else 0), name


def test_kernels_follow_the_rate(sleepprintnet, loud_nights):
    X, y = loud_nights(sfreq=50)
    stager = sleepprintnet(max_epochs=1).fit(X, y)
    branch = stager.module_.encoder.branches["eeg"]
    assert stager.epoch_duration_ == 4
    assert (branch.small.first.kernel_size, branch.small.first.stride) == ((25,), (3,))
    assert branch.large.first.kernel_size == (200,)
    other, _ = loud_nights(sfreq=25, seconds=8.0)
    with pytest.raises(ValueError, match=r"4 s, by its .* X has epochs of 8 s"):
        stager.predict(other)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"electrodes": ["Fp3"]}, "'electrodes' parameter of SleepPrintNet"),
        ({"context": -1}, "'context' parameter of SleepPrintNetClassifier"),
        ({"head_decay_ratio": -1}, "'head_decay_ratio' parameter"),
        ({"d_head": 0}, "'d_head' parameter"),
        ({"n_filters": (1, 4)}, r"'n_filters\[0\]' parameter of SleepPrintNetClass"),
        ({"epoch_duration": 0}, "'epoch_duration' parameter"),
    ],
)
def test_parameters_that_cannot_be_used(sleepprintnet, loud_nights, params, words):
    X, y = loud_nights(NAMES)
    with pytest.raises(ValueError, match=words):
        sleepprintnet(**params).fit(X, y)
