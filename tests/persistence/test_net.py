"""Nets are restored with their weights, and not larger than the file."""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import LRScheduler

from sleepkit.classifiers import MedFuseSleepClassifier, SleepMGClassifier
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.model_selection import SubjectKFold
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.preprocessing import SignalScaler, SpectrumScaler
from sleepkit.recording import EpochArray
from tests.persistence.conftest import members_of

COLUMNS = {"eeg": [0, 1, 2, 3], "eog": [4, 5]}
STAGERS = [
    MedFuseSleepClassifier(
        sequence_length=5,
        d_model=8,
        n_heads=2,
        n_layers=2,
        dim_feedforward=16,
        d_head=8,
        lr=0.01,
        max_epochs=2,
        random_state=0,
    ),
    SleepMGClassifier(batch_size=16, max_epochs=2, random_state=0),
]
NAMES = [type(stager).__name__ for stager in STAGERS]


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 60)
    return rng.standard_normal((60, 6)) + y[:, np.newaxis], y


def as_nights(features):
    """Twelve epochs of each of five subjects."""
    subjects = np.repeat(["a", "b", "c", "d", "e"], 12)
    return EpochArray.from_arrays(features, recording=subjects, modalities=COLUMNS)


def fitted(stager, features):
    """A pipeline that is fitted on nights."""
    X, y = features
    return make_pipeline(SpectrumScaler(), clone(stager)).fit(as_nights(X), y)


@pytest.fixture(scope="module", params=STAGERS, ids=NAMES)
def stager(request, features):
    return fitted(request.param, features)


SCRIPT = """
import sys
import numpy as np
from sleepkit.persistence import load_model
from sleepkit.recording import EpochArray

found = np.load(sys.argv[1])
columns = {"eeg": [0, 1, 2, 3], "eog": [4, 5]}
X = EpochArray.from_arrays(found["X"], recording=found["night"], modalities=columns)
for path in sys.argv[2:]:
    np.save(f"{path}.npy", load_model(path).predict_proba(X))
"""


def test_another_process_predicts_the_same(features, tmp_path):
    """One process for all nets: its imports take seconds."""
    X = as_nights(features[0])
    nights = tmp_path / "X.npz"
    np.savez(nights, X=features[0], night=X.recording)
    stagers = {
        tmp_path / n: fitted(s, features) for n, s in zip(NAMES, STAGERS, strict=True)
    }
    for path, stager in stagers.items():
        save_model(stager, path)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, nights, *stagers]
    subprocess.run(command, check=True)
    for path, stager in stagers.items():
        found = np.load(f"{path}.npy")
        np.testing.assert_array_equal(found, stager.predict_proba(X))


@pytest.mark.parametrize("names", [["eeg"], ["eog"], ["eeg", "eog"]])
def test_any_modality_after_loading(stager, features, path, names):
    save_model(stager[-1], path)
    X = as_nights(features[0]).select(names)
    again = load_model(path)
    np.testing.assert_array_equal(again.predict(X), stager[-1].predict(X))


@pytest.mark.parametrize("stager", STAGERS, ids=NAMES)
def test_plain_arrays_and_other_labels(stager, features, path):
    X, y = features
    if isinstance(stager, SleepMGClassifier):  # it takes arrays as signals
        X = np.repeat(X[:, :, np.newaxis], 300, axis=2)
    labels = np.array(["wake", "N1", "N2", "N3", "REM"])[y]
    fitted = clone(stager).set_params(modalities=COLUMNS).fit(X, labels)
    save_model(fitted, path)
    again = load_model(path)
    assert again.n_features_in_ == 6
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert model_info(path)["classes"] == sorted(set(labels))


def test_partial_fit_continues(stager, features, path):
    X, y = as_nights(features[0]), features[1]
    save_model(stager[-1], path)
    again = load_model(path).partial_fit(X, y)
    expected = pickle.loads(pickle.dumps(stager[-1])).partial_fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))


def test_a_warm_start_continues(stager, features, path):
    X, y = as_nights(features[0]), features[1]
    warm = clone(stager[-1]).set_params(warm_start=True).fit(X, y)
    save_model(warm, path)
    again = load_model(path).fit(X.select(["eeg"]), y)
    expected = warm.fit(X.select(["eeg"]), y)
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))
    assert set(again.layout_) == {"eeg", "eog"}


def test_the_history_of_the_training(stager, path, tmp_path):
    save_model(stager, path)
    history = stager[-1].net_.history
    again = load_model(path)[-1].net_.history
    assert {"epoch", "train_loss", "valid_loss", "dur"} <= again[0].keys()
    for row, restored in zip(history, again, strict=True):
        assert restored == {**row, "batches": []}
    assert again[:, "train_loss"] == history[:, "train_loss"]
    assert model_info(path)["model"]["pipeline"][1][1]["history"][1]["epoch"] == 2
    save_model(load_model(path), tmp_path / "second.model")
    assert load_model(tmp_path / "second.model")[-1].net_.history == again


def test_a_device_that_this_computer_does_not_have(change, stager, features, path):
    def describe(model):
        model["parameters"]["device"] = "cuda:99"

    change(describe)
    words = r"stager\.model: .* device='cuda:99', .* does not have; it is 'auto' now"
    with pytest.warns(SleepkitWarning, match=words):
        again = load_model(path)
    assert again.device == "auto"
    X = as_nights(features[0])
    expected = stager[-1].predict(X)
    np.testing.assert_array_equal(again.predict(X), expected)
    moved = pickle.loads(pickle.dumps(stager[-1])).set_params(device="cuda:99")
    with pytest.raises(ValueError, match=r"'device' parameter .* Got 'cuda:99'"):
        moved.predict(X)
    save_model(moved, path)  # the other computer's file can be written again


def test_several_processes_that_this_computer_cannot_start(change, path, monkeypatch):
    pytest.importorskip("accelerate")

    def describe(model):
        model["parameters"]["device"] = "accelerate"

    change(describe)
    assert load_model(path).device == "accelerate"
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.warns(SleepkitWarning, match="device='accelerate'"):
        assert load_model(path).device == "auto"


@pytest.mark.parametrize("device", ["gpu", 1.5, None, ["cpu"]], ids=str)
def test_a_device_that_is_none(change, path, device):
    def describe(model):
        model["parameters"]["device"] = device

    change(describe)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


def test_it_is_an_estimator_like_any_other(stager, features, path, tmp_path):
    X = as_nights(features[0])
    save_model(stager, path)
    again = load_model(path)
    assert repr(again) == repr(stager)
    copied = pickle.loads(pickle.dumps(again))
    np.testing.assert_array_equal(copied.predict_proba(X), again.predict_proba(X))
    save_model(again, tmp_path / "second.model")
    second = load_model(tmp_path / "second.model")
    np.testing.assert_array_equal(second.predict_proba(X), again.predict_proba(X))
    clone(again).fit(X, features[1])


def test_loading_draws_no_random_number(stager, path):
    save_model(stager, path)
    before = torch.random.get_rng_state()
    load_model(path)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_info_describes_layout_and_steps(stager, path):
    save_model(stager, path)
    info = model_info(path)
    assert info["layout"] == {"eeg": [4], "eog": [2]}
    assert info["classes"] == [0, 1, 2, 3, 4]
    assert info["left_out"] == []
    name, step = info["model"]["pipeline"][1]
    assert name == type(stager[-1]).__name__.lower()
    assert step["parameters"]["max_epochs"] == 2


def test_weights_are_safetensors(stager, path):
    save_model(stager[-1], path)
    with zipfile.ZipFile(path) as archive:
        arrays = safetensors.numpy.load(archive.read("arrays.safetensors"))
    for name, tensor in stager[-1].module_.state_dict().items():
        np.testing.assert_array_equal(arrays[f"net.{name}"], tensor.numpy())


def test_callbacks_and_generators_are_left_out(features, path):
    X, y = as_nights(features[0]), features[1]
    stager = clone(STAGERS[0]).set_params(
        callbacks=[LRScheduler()], random_state=np.random.default_rng(0), max_epochs=1
    )
    save_model(make_pipeline(stager.fit(X, y)), path)
    again = load_model(path)[0]
    assert again.callbacks is None
    assert again.random_state is None
    where = "medfusesleepclassifier"
    left_out = [f"{where}.callbacks", f"{where}.random_state"]
    assert model_info(path)["left_out"] == left_out
    np.testing.assert_array_equal(again.predict(X), stager.predict(X))


@pytest.mark.parametrize("stager", STAGERS, ids=NAMES)
def test_an_unfitted_stager(stager, path):
    save_model(stager, path)
    again = load_model(path)
    assert repr(again) == repr(stager)
    assert not hasattr(again, "net_")


def test_weights_that_numpy_does_not_know(stager, path):
    halved = pickle.loads(pickle.dumps(stager[-1]))
    halved.module_.to(torch.bfloat16)
    with pytest.raises(ModelFileError, match=r"cannot go into .*BFloat16"):
        save_model(halved, path)


def test_a_net_within_an_estimator_of_scikit_learn(features, path):
    calibrated = CalibratedClassifierCV(STAGERS[0], cv=SubjectKFold(2))
    words = "holds MedFuseSleepClassifier within CalibratedClassifierCV; .* use joblib"
    with pytest.raises(ModelFileError, match=words):
        save_model(calibrated.fit(as_nights(features[0]), features[1]), path)


def test_torch_stays_away_where_there_is_no_net(path):
    save_model(make_pipeline(SignalScaler(), SpectrumScaler()), path)
    script = (
        "import sys; from sleepkit.persistence import load_model; "
        "load_model(sys.argv[1]); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)


@pytest.mark.parametrize("seed", range(3))
def test_flipped_bits_are_noticed_or_harmless(stager, path, seed):
    save_model(stager[-1], path)
    whole = path.read_bytes()
    where = int(np.random.default_rng(seed).integers(len(whole)))
    flipped = bytes([whole[where] ^ 0xFF])
    path.write_bytes(whole[:where] + flipped + whole[where + 1 :])
    try:
        found = load_model(path).module_.state_dict()
    except ModelFileError:
        return
    for name, tensor in stager[-1].module_.state_dict().items():
        assert torch.equal(found[name], tensor)


def keep(part):
    """Change nothing."""


@pytest.fixture(scope="module")
def members(stager, tmp_path_factory):
    """Members of the classifier's file, by name."""
    return members_of(stager[-1], tmp_path_factory.mktemp("members"))


@pytest.fixture
def change(members, path):
    """A function that writes the classifier's file with a changed description."""

    def rewrite(describe=keep, weigh=keep):
        info = json.loads(members["sleepkit.json"])
        arrays = safetensors.numpy.load(members["arrays.safetensors"])
        describe(info["model"])
        weigh(arrays)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("sleepkit.json", json.dumps(info))
            archive.writestr("arrays.safetensors", safetensors.numpy.save(arrays))

    return rewrite


ABSURD = [10**4, 2**31, 2**62, 10**30, -1, 0, None, "many", 1e9]


@pytest.mark.parametrize("value", ABSURD, ids=str)
@pytest.mark.parametrize(
    "place", ["d_model", "n_layers", "d_head", "layout", "classes"]
)
def test_a_net_that_its_weights_are_not_for(change, path, place, value):
    def describe(model):
        if place == "layout":
            model["fitted"]["layout_"] = {"dict": [["eeg", {"tuple": [value]}]]}
        elif place == "classes":
            model["fitted"]["classes_"] = value
        elif place in model["parameters"]:
            model["parameters"][place] = value
        else:  # SleepMG's net is as large as its input
            model["fitted"]["n_domains_"] = value

    change(describe)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words = "different networks|a larger net than|is damaged"
    with pytest.raises(ModelFileError, match=words):
        load_model(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown < 100_000  # kilobytes


def drop(arrays):
    del arrays[next(iter(arrays))]


def cast(arrays):
    name = next(name for name in arrays if name.endswith("weight"))
    arrays[name] = arrays[name].astype(np.float64)


def widen(arrays):
    name = next(name for name in arrays if name.endswith("weight"))
    arrays[name] = np.concatenate([arrays[name], arrays[name]])


@pytest.mark.parametrize(
    ("weigh", "words"),
    [(drop, "damaged"), (cast, "different networks"), (widen, "different networks")],
)
def test_weights_of_another_net(change, path, weigh, words):
    change(weigh=weigh)
    with pytest.raises(ModelFileError, match=words):
        load_model(path)


def test_weights_that_the_net_does_not_have(change, path):
    def describe(model):
        model["net"]["dict"] = model["net"]["dict"][1:]

    change(describe)
    with pytest.raises(ModelFileError, match=r"different networks: .* is None"):
        load_model(path)


def test_a_net_where_none_belongs(change, path):
    def describe(model):
        model |= {"class": "preprocessing.SignalScaler", "parameters": {}, "fitted": {}}

    change(describe)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ("long", "damaged: its history is no list"),
        ({"train_loss": [1.0]}, "damaged: its history is no list"),
        ([1], "damaged: its history is no list of rows"),
        (None, "damaged: its history is no list"),
        ([{"train_loss": [1.0]}], "its history holds a list for 'train_loss'"),
        ([{"batches": [{}]}], "its history holds a list for 'batches'"),
        ([{"epoch": {"class": "os.system"}}], "holds a dict for 'epoch'"),
        ([{}] * 100_001, "its history has 100,001 epochs; a model file has at most"),
    ],
    ids=["text", "columns", "numbers", "none", "list", "batches", "mark", "huge"],
)
def test_an_invalid_history(change, path, history, words):
    change(lambda model: model.update(history=history))
    with pytest.raises(ModelFileError, match=words):
        load_model(path)


def test_a_file_without_a_history(change, path):
    change(lambda model: model.pop("history"))
    assert load_model(path).net_.history == []


def test_only_plain_values_are_in_the_history(stager, path):
    noted = pickle.loads(pickle.dumps(stager[-1]))
    noted.net_.history.record("lr", np.float32(0.5))
    noted.net_.history.record("grads", np.ones(3))
    save_model(noted, path)
    last = load_model(path).net_.history[-1]
    assert last["lr"] == 0.5
    assert "grads" not in last
