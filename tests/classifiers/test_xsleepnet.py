"""XSleepNet as a stager: its input, its heads, what it keeps, and what it refuses.

Fixtures
--------
xsleepnet : a factory of small XSleepNetClassifier.
nights : three nights of short epochs, two of whose signals are as loud as the stage.
fitted : one that was fitted on `nights`, which no test changes.
"""

import pickle

import numpy as np
import pytest
import torch

from sleepkit.classifiers import XSleepNetClassifier
from sleepkit.exceptions import SleepkitWarning
from sleepkit.persistence import load_model, save_model
from sleepkit.preprocessing import SpectrumScaler, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal

SFREQ, SECONDS = 16, 6


@pytest.fixture(scope="module")
def xsleepnet():
    def make(**params):
        small = {
            "n_filters": (4, 4),
            "raw_hidden_size": 4,
            "n_layers": 1,
            "n_fft": 32,
            "n_spectral_filters": 6,
            "hidden_size": 6,
            "attention_size": 4,
            "conv_dropout": 0.1,
            "dropout": 0.1,
            "sequence_length": 4,
            "batch_size": 4,
            "max_epochs": 12,
            "lr": 0.03,
            "validate_every": None,
            "random_state": 0,
            "n_threads": 1,
            "device": "cpu",
        }
        return XSleepNetClassifier(**small | params)

    return make


def make_nights(*, missing=None, seconds=SECONDS):
    found = []
    for i, n_epochs in enumerate((14, 9, 12)):
        rng = np.random.default_rng(i)
        stages = rng.integers(3, size=n_epochs)
        gain = 10 * np.repeat(3.0**stages, SFREQ * seconds)
        signals = {
            name: Signal(gain * rng.normal(size=(1, len(gain))), SFREQ)
            for name in ("eeg", "eog")
            if (missing or {}).get(i) != name
        }
        night = {"id": f"n{i}", "subject": f"s{i}", "hypnogram": stages}
        found.append(Recording(**night, signals=signals, epoch_duration=float(seconds)))
    X = EpochArray(found)
    return X, X.hypnogram


@pytest.fixture(scope="module")
def nights():
    return make_nights()


@pytest.fixture(scope="module")
def fitted(xsleepnet, nights):
    return xsleepnet().fit(*nights)


def test_it_stages(fitted, nights):
    assert fitted.score(*nights) > 0.7
    assert fitted.epoch_duration_ == SECONDS


def test_the_published_size():
    stager = XSleepNetClassifier()
    stager.layout_, stager.classes_ = {"eeg": (1, 3000)}, np.arange(5)
    stager.epoch_duration_ = 30.0
    n = sum(p.numel() for p in stager._build_module().parameters())
    assert n == 5_739_903


def test_the_spectra_are_those_of_the_transformers(xsleepnet, nights):
    """With the statistics of the training rows, in the order of the channels."""
    X, y = nights
    stager = xsleepnet(max_epochs=1, validation_fraction=0).fit(X, y)
    stft = STFTEpocher(n_fft=32, n_bins=17)
    scaler = SpectrumScaler().fit(stft.fit_transform(X))
    spectrum = stager.module_.spectrum
    for channel, name in enumerate(("eeg", "eog")):
        scaling = scaler.scaling_[name]
        np.testing.assert_allclose(
            spectrum.center[channel], scaling.center[0], atol=1e-3
        )
        np.testing.assert_allclose(spectrum.scale[channel], scaling.scale[0], rtol=1e-3)


def test_held_out_subjects_have_no_part_in_the_scaling(xsleepnet, nights):
    X, y = nights
    stager = xsleepnet(max_epochs=1, validation_fraction=0.3).fit(X, y)
    n_training = int(stager.module_.spectrum.n_values[0]) / 5  # frames
    assert n_training in {35 - 14, 35 - 9, 35 - 12}


def test_training_goes_on_with_the_same_scaling(xsleepnet, nights):
    X, y = nights
    stager = xsleepnet(max_epochs=1).partial_fit(X, y)
    before = stager.module_.spectrum.center.clone()
    louder = X[X.recording == "n1"]
    stager.partial_fit(louder, y[X.recording == "n1"])
    assert stager.module_.spectrum.center.equal(before)


def test_the_joint_head_stages(fitted, nights):
    X, _ = nights
    night = X[X.recording == "n1"]
    values = {name: as_tensor(night.epochs(name)) for name in ("eeg", "eog")}
    total, count = np.zeros((9, 3)), np.zeros((9, 1))
    for start in range(6):
        inputs = {n: v[None, start : start + 4] for n, v in values.items()}
        joint = fitted.module_.eval()(inputs).joint[0].detach().double()
        total[start : start + 4] += joint.log_softmax(-1).numpy()
        count[start : start + 4] += 1
    expected = np.exp(total / count)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(night), expected, atol=1e-5)


def as_tensor(values):
    return torch.tensor(values, dtype=torch.float32)


def test_all_modalities_are_needed(xsleepnet):
    X, y = make_nights(missing={1: "eog"})
    with pytest.warns(SleepkitWarning, match="9 of 35 training epochs lack one of"):
        stager = xsleepnet(max_epochs=1).fit(X, y)
    with pytest.warns(SleepkitWarning, match="9 of 35 epochs .* in every modality"):
        proba = stager.predict_proba(X)
    np.testing.assert_allclose(proba[14:23], np.tile(stager.class_prior_, (9, 1)))


def test_bfloat16(fitted, nights):
    """The signals are not rounded: their spectra would be those of the rounding."""
    X, _ = nights
    dtypes = []
    encode = type(fitted.module_).encode

    def watched(self, inputs, present=None):
        dtypes.append(inputs["eeg"].dtype)
        return encode(self, inputs, present)

    lower = pickle.loads(pickle.dumps(fitted)).set_params(precision="bfloat16")
    type(fitted.module_).encode = watched
    try:
        near = lower.predict_proba(X)
    finally:
        type(fitted.module_).encode = encode
    assert set(dtypes) == {torch.float32}
    proba = fitted.predict_proba(X)
    assert not np.array_equal(proba, near)
    np.testing.assert_allclose(near, proba, atol=0.1)


def test_training_in_bfloat16(xsleepnet, nights):
    assert xsleepnet(precision="bfloat16").fit(*nights).score(*nights) > 0.6


def test_nights_on_disk_give_the_same(xsleepnet, nights):
    X, y = nights
    in_ram, mapped = (xsleepnet(max_epochs=1, max_ram=size) for size in (1e9, 1))
    np.testing.assert_array_equal(
        in_ram.fit(X, y).predict_proba(X), mapped.fit(X, y).predict_proba(X)
    )


def test_model_file_and_pickle(fitted, nights, tmp_path):
    X, _ = nights
    save_model(fitted, tmp_path / "my.model")
    for again in (
        load_model(tmp_path / "my.model"),
        pickle.loads(pickle.dumps(fitted)),
    ):
        np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_the_penalty_is_divided_by_the_batch(xsleepnet, nights):
    stager = xsleepnet(weight_decay=0.6, batch_size=6, max_epochs=1).fit(*nights)
    names = {id(p): name for name, p in stager.module_.named_parameters()}
    decays = {
        names[id(p)]: group["weight_decay"]
        for group in stager.net_.optimizer_.param_groups
        for p in group["params"]
    }
    free = {name for name, decay in decays.items() if decay == 0}
    assert free == {name for name in names.values() if "filterbank" in name} != set()
    assert {round(decay, 9) for decay in decays.values()} == {0, 0.1}


def test_epochs_of_another_length(fitted, xsleepnet):
    X, y = make_nights(seconds=5)
    with pytest.raises(ValueError, match=r"takes epochs of 6 s.* X has epochs of 5 s"):
        xsleepnet(epoch_duration=6).fit(X, y)
    with pytest.raises(ValueError, match=r"fitted on epochs of eeg \(1, 96\)"):
        fitted.predict(X)


def test_epochs_that_are_no_signals(xsleepnet, nights):
    X, y = nights
    with pytest.raises(ValueError, match=r"takes signals \(n_channels, n_times\)"):
        xsleepnet().fit(STFTEpocher().fit_transform(X), y)
    with pytest.raises(ValueError, match=r"'n_fft' parameter .* here 32, at 16 Hz"):
        xsleepnet(n_fft=16).fit(X, y)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_filters": 4}, "'n_filters' parameter of .* one for each convolution. Got"),
        ({"n_filters": ()}, "'n_filters' parameter"),
        ({"n_filters": (4, 0)}, r"'n_filters\[1\]' parameter"),
        ({"raw_hidden_size": 0}, "'raw_hidden_size' parameter of XSleepNetClassifier"),
        ({"n_spectral_filters": 0}, "'n_spectral_filters' parameter"),
        ({"conv_dropout": 1}, "'conv_dropout' parameter"),
        ({"norm_momentum": 2}, "'norm_momentum' parameter"),
        ({"signal_scale": 0}, "'signal_scale' parameter"),
        ({"epoch_duration": 0}, "'epoch_duration' parameter"),
        ({"validate_every": 0}, "'validate_every' parameter"),
    ],
)
def test_parameters_that_cannot_be_used(xsleepnet, nights, params, words):
    with pytest.raises(ValueError, match=words):
        xsleepnet(**params).fit(*nights)
