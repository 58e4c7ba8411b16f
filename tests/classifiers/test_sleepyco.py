"""SleePyCo as a stager: its two stages, its windows, and what it needs.

Fixtures
--------
sleepyco : a factory of small SleePyCoClassifier.
numbered_nights : a factory of nights whose samples are the number of their epoch.
"""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers import SleePyCoClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ, SECONDS = 10, 30
LENGTHS = (14, 3, 9)


@pytest.fixture
def sleepyco():
    def make(**params):
        small = {
            "sequence_length": 4,
            "augmentation": {"offset": None},
            "n_filters": (4, 4, 8, 8, 8),
            "d_model": 8,
            "n_heads": 2,
            "n_layers": 1,
            "dim_feedforward": 8,
            "pretrain_epochs": 1,
            "pretrain_batch_size": 8,
            "max_epochs": 1,
            "batch_size": 8,
            "validation_fraction": 0,
            "lr": 0.01,
            "random_state": 0,
            "n_threads": 1,
            "device": "cpu",
        }
        return SleePyCoClassifier(**small | params)

    return make


@pytest.fixture(scope="session")
def numbered_nights():
    def make(lengths=LENGTHS, *, gaps=None, names=("eeg",), missing=None):
        nights, first = [], 1
        for i, n_epochs in enumerate(lengths):
            numbers = np.arange(first, first + n_epochs)
            data = np.repeat(numbers, SFREQ * SECONDS)[np.newaxis].astype(float)
            valid = ~np.isin(np.arange(n_epochs), (gaps or {}).get(i, []))
            signals = {
                name: Signal(data, SFREQ, valid=valid)
                for name in names
                if (missing or {}).get(i) != name
            }
            recording = {"id": f"n{i}", "subject": f"s{i}", "hypnogram": numbers % 5}
            nights.append(Recording(signals=signals, **recording))
            first += n_epochs
        X = EpochArray(nights)
        return X, X.hypnogram

    return make


class Watch(Callback):
    """Keeps what the net of each stage reads in training, and with which targets."""

    stages: list

    def on_train_begin(self, net, **kwargs):
        kind = type(net.module_).__name__
        Watch.stages.append({"module": kind, "inputs": [], "targets": []})
        Watch.stages[-1]["before"] = {
            n: t.clone() for n, t in net.module_.state_dict().items()
        }

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            inputs = batch[0]["inputs"]["eeg"][..., 0, 0]
            Watch.stages[-1]["inputs"].extend(inputs.astype(int).tolist())
            Watch.stages[-1]["targets"].extend(batch[1]["stages"].tolist())

    def on_train_end(self, net, **kwargs):
        Watch.stages[-1]["net"] = net
        Watch.stages[-1]["after"] = {
            n: t.clone() for n, t in net.module_.state_dict().items()
        }


@pytest.fixture
def watched(sleepyco, numbered_nights):
    """The two stages of a training on numbered nights."""
    Watch.stages = []
    X, y = numbered_nights(gaps={0: [5]})
    sleepyco(callbacks=[Watch()], max_epochs=2).fit(X, y)
    return Watch.stages


def test_it_stages(sleepyco):
    rng = np.random.default_rng(0)
    nights = []
    for i in range(3):
        hypnogram = rng.integers(3, size=24)
        scale = np.repeat(4.0**hypnogram, SFREQ * SECONDS)
        signals = {"eeg": Signal(scale * rng.normal(size=(1, len(scale))), SFREQ)}
        night = {"id": f"n{i}", "subject": f"s{i}", "hypnogram": hypnogram}
        nights.append(Recording(**night, signals=signals))
    X = EpochArray(nights)
    y = X.hypnogram
    changes = {"augmentation": {"scale": None, "offset": None}}
    stager = sleepyco(
        sequence_length=2, pretrain_epochs=8, max_epochs=12, **changes
    ).fit(X, y)
    assert stager.score(X, y) > 0.8


def test_the_first_stage_sees_each_epoch_alone(watched):
    first = watched[0]
    assert first["module"] == "Projector"
    numbers = [number for (number,) in first["inputs"]]
    assert sorted(numbers) == [n for n in range(1, 27) if n != 6]
    assert [stage for (stage,) in first["targets"]] == [n % 5 for n in numbers]


def test_the_second_stage_sees_windows_with_the_label_of_the_last_epoch(watched):
    """They begin with a night, or behind a gap, whose first epoch is repeated."""
    second = watched[1]
    assert second["module"] == "SleePyCo"
    windows = {window[-1]: window for window in second["inputs"]}
    assert sorted(windows) == [n for n in range(1, 27) if n != 6]  # one for each epoch
    assert windows[1] == [1, 1, 1, 1]
    assert windows[5] == [2, 3, 4, 5]
    assert windows[7] == [7, 7, 7, 7]
    assert windows[9] == [7, 7, 8, 9]
    assert windows[15] == [15, 15, 15, 15]
    assert windows[17] == [15, 15, 16, 17]
    assert windows[26] == [23, 24, 25, 26]
    labels = [window[-1] % 5 for window in second["inputs"]]
    assert second["targets"] == labels


def test_the_second_stage_leaves_the_backbone_as_it_is(watched):
    """Weights and running statistics, bit for bit."""
    first, second = watched
    backbone = [n for n in second["after"] if n.startswith("backbone.")]
    assert any("running_mean" in name for name in backbone)
    for name in backbone:
        assert torch.equal(second["after"][name], first["after"][name]), name
    others = [n for n in second["after"] if not n.startswith("backbone.")]
    assert all(not torch.equal(second["before"][n], second["after"][n]) for n in others)
    changed = [n for n in backbone if "running" in n or n.endswith("weight")]
    assert any(not torch.equal(first["before"][n], first["after"][n]) for n in changed)


def test_each_row_has_the_prediction_of_its_window(sleepyco, numbered_nights):
    X, y = numbered_nights()
    stager = sleepyco().fit(X, y)
    proba = stager.predict_proba(X)
    assert proba.shape == (26, 5)
    module = stager.module_.eval()

    def alone(*numbers):
        x = torch.tensor(numbers, dtype=torch.float32)[None, :, None, None]
        with torch.no_grad():
            logits = module({"eeg": x.expand(-1, -1, 1, SFREQ * SECONDS)})
        return logits.sum(1).softmax(-1)[0]

    for row, window in [(0, (1, 1, 1, 1)), (13, (11, 12, 13, 14)), (14, (15,) * 4)]:
        np.testing.assert_allclose(proba[row], alone(*window), atol=1e-5)
    chosen = [20, 3, 3]  # context comes from the night, in any order
    np.testing.assert_allclose(
        stager.predict_proba(X[chosen]), proba[chosen], atol=1e-6
    )


def test_a_row_of_an_array_is_a_night_of_one_epoch(sleepyco, numbered_nights):
    X, y = numbered_nights(lengths=(1,) * 6)
    array = np.stack([np.asarray(X.epochs("eeg"))])[0]
    nights, rows = (sleepyco().fit(each, y % 3) for each in (X, array))
    np.testing.assert_allclose(nights.predict_proba(X), rows.predict_proba(array))


def test_validations(sleepyco, numbered_nights):
    """By steps, without labels of the first stage, with accuracy in the second."""
    X, y = numbered_nights()
    Watch.stages = []
    every = {"pretrain_validate_every": 2, "validate_every": 1}
    params = {"validation_fraction": 0.3, "callbacks": [Watch()], "max_epochs": 2}
    sleepyco(**every, **params).fit(X, y)
    first, second = (stage["net"].history for stage in Watch.stages)
    assert "valid_loss" in first[0]
    assert "valid_accuracy" not in first[0]
    assert "valid_accuracy" in second[0]
    assert len(second) > len(first)


def test_training_goes_on_with_the_second_stage(sleepyco, numbered_nights):
    X, y = numbered_nights()
    stager = sleepyco().fit(X, y)
    before = stager.module_.state_dict()
    Watch.stages = []
    stager.set_params(callbacks=[Watch()]).partial_fit(X, y)
    assert [stage["module"] for stage in Watch.stages] == ["SleePyCo"]
    for name, tensor in stager.module_.state_dict().items():
        assert torch.equal(tensor, before[name]) == name.startswith("backbone."), name


def test_all_modalities_are_needed(sleepyco, numbered_nights):
    X, y = numbered_nights(names=("eeg", "eog"), missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="3 of 26 training epochs lack one of"):
        stager = sleepyco().fit(X, y)
    with pytest.warns(SleepkitWarning, match="3 of 26 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[14:17], np.tile(stager.class_prior_, (3, 1)))


def test_model_file(sleepyco, numbered_nights, tmp_path):
    X, y = numbered_nights()
    stager = sleepyco().fit(X, y)
    save_model(stager, tmp_path / "my.model")
    again = load_model(tmp_path / "my.model")
    np.testing.assert_array_equal(again.predict_proba(X), stager.predict_proba(X))


def test_parameters_that_cannot_be_used(sleepyco, numbered_nights):
    X, y = numbered_nights()
    for params, words in [
        ({"pretrain_epochs": 0}, "'pretrain_epochs' parameter of SleePyCoClassifier"),
        ({"validate_every": None}, "'validate_every'"),
        ({"sequence_length": 0}, "'sequence_length'"),
        ({"temperature": -1}, "'temperature'"),
        ({"norm_momentum": 0}, "'norm_momentum'"),
        ({"epoch_duration": -30}, "'epoch_duration'"),
        ({"augmentation": {"gain": (1, 2)}}, "'augmentation' .* SignalAugmentation to"),
        ({"augmentation": {"scale": 2}}, r"'scale' parameter of SignalAugmentation"),
        ({"augmentation": {"only": ["eeg"]}}, "'augmentation' .* takes no 'only'"),
        ({"d_model": 0}, "'d_model' parameter of SleePyCoClassifier"),
        ({"n_heads": 0}, "'n_heads' parameter of SleePyCoClassifier"),
        ({"n_layers": 0}, "'n_layers' parameter of SleePyCoClassifier"),
        ({"dim_feedforward": 0}, "'dim_feedforward' parameter of SleePyCoClassifier"),
        ({"n_filters": 4}, "'n_filters' .* five whole numbers. Got 4"),
    ]:
        with pytest.raises(ValueError, match=words):
            sleepyco(**params).fit(X, y)


def test_the_published_defaults():
    stager = SleePyCoClassifier()
    assert (stager.lr, stager.weight_decay, stager.temperature) == (5e-4, 1e-4, 0.07)
    assert (stager.pretrain_batch_size, stager.batch_size) == (1024, 64)
    stager.layout_, stager.classes_ = {"eeg": (1, 3000)}, np.arange(5)
    with torch.device("meta"):
        module = stager._build_module()
    assert sum(p.numel() for p in module.parameters()) == 2_265_419
