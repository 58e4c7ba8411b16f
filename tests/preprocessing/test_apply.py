"""The step on a recording is the transformer as it was, and its fingerprint."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import NotFittedError

from sleepkit.preprocessing import (
    BandpassFilter,
    BandPower,
    Cache,
    NotchFilter,
    QualityMask,
    Resampler,
    SignalScaler,
    SpectrumScaler,
    STFTEpocher,
)
from sleepkit.recording import EpochArray

# Each transformer with other values of every parameter that its results depend on.
OTHERS = {
    BandpassFilter: {"bands": (1.0, 20.0), "fir_order": 100},
    BandPower: {
        "bands": {"delta": (1, 4), "theta": (4, 8), "sigma": (12, 16), "beta": (16, 24),
                  "alpha": (8, 12)},
        "ratios": [("delta", "theta")],
        "window": 2.0,
        "normalize": "append",
        "context": 1,
    },
    NotchFilter: {"freq": 20.0},
    QualityMask: {
        "limits": {"eog": {"min_range": 150.0}},
        "channels": "all",
        "only": ("eog",),
    },
    Resampler: {"target_sfreq": 64.0},
    SignalScaler: {"per": "training", "robust": False},
    STFTEpocher: {
        "window": 1.0, "hop": 2.0, "n_fft": 257, "n_bins": 129, "floor": 10.0,
    },
}  # fmt: skip
PARAMETERS = [(kind, name) for kind, values in OTHERS.items() for name in values]

EQUAL = [
    (Resampler(100), Resampler(np.float64(100), sfreq=64, modalities={"eeg": [0]})),
    (
        BandpassFilter({"eeg": (0.3, 40), "eog": (0.3, 40)}),
        BandpassFilter({"eeg": [0.3, 40.0], "eog": (np.float64(0.3), 40)}),
    ),
    (QualityMask(only=["eeg"], sfreq=100), QualityMask(only=("eeg",))),
    (BandPower(ratios=[["delta", "theta"]]), BandPower(ratios=(("delta", "theta"),))),
]


@pytest.fixture(scope="module")
def night(make_night):
    return make_night(seed=3)


def fitted(transformer, night):
    return clone(transformer).fit(night)


def fingerprint(transformer, night):
    """Fingerprint of a night that the fitted transformer has transformed."""
    return fitted(transformer, night).transform(night).recordings[0].fingerprint


def values(X):
    return {name: X.epochs(name) for name in X.modalities}


def assert_equal_values(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(("kind", "name"), PARAMETERS)
def test_later_parameters_change_no_transformed_night(kind, name, night):
    transformer = fitted(kind(), night)
    X = transformer.transform(night)
    before = X.recordings[0].fingerprint
    expected = values(fitted(kind(), night).transform(night))
    transformer.set_params(**{name: OTHERS[kind][name]})
    assert X.recordings[0].fingerprint == before
    assert_equal_values(values(X), expected)


def test_parameters_changed_in_place_change_no_transformed_night(night):
    bands = {"eeg": [0.3, 20.0]}
    X = BandpassFilter(bands).fit_transform(night)
    expected = values(BandpassFilter({"eeg": (0.3, 20.0)}).fit_transform(night))
    bands["eeg"][1] = 2.0
    bands["eog"] = (0.3, 2.0)
    assert_equal_values(values(X), expected)


def test_a_later_fit_changes_no_transformed_night(make_night, night):
    scaler = SignalScaler("training").fit(night)
    X = scaler.transform(night)
    expected = values(SignalScaler("training").fit(night).transform(night))
    scaler.fit(make_night(seed=4))
    assert_equal_values(values(X), expected)


@pytest.mark.parametrize(("kind", "name"), PARAMETERS)
def test_every_parameter_is_in_the_fingerprint(kind, name, night):
    other = kind(**{name: OTHERS[kind][name]})
    assert fingerprint(other, night) != fingerprint(kind(), night)


def test_what_was_fitted_is_in_the_fingerprint(make_night, night):
    spectra = STFTEpocher().fit_transform(EpochArray([night, make_night(seed=4)]))
    first, second = (
        SpectrumScaler().fit(part).transform(spectra).recordings[0].fingerprint
        for part in (spectra[:4], spectra[4:])
    )
    assert first != second


def test_the_order_of_columns_is_in_the_fingerprint(night):
    bands = {"slow": (1, 4), "fast": (8, 12)}
    one = BandPower(bands, ratios=())
    other = BandPower(dict(reversed(bands.items())), ratios=())
    assert fingerprint(one, night) != fingerprint(other, night)


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=lambda t: type(t).__name__)
def test_equal_results_have_equal_fingerprints(one, other, night):
    assert fingerprint(one, night) == fingerprint(other, night)


def test_names_of_columns_are_not_in_the_fingerprint(night):
    pandas = pytest.importorskip("pandas")
    expected = fingerprint(SignalScaler(), night)
    frame = pandas.DataFrame(np.zeros((4, 3)), columns=list("abc"))
    scaler = SignalScaler().fit(frame)
    assert hasattr(scaler, "feature_names_in_")
    assert scaler.transform(night).recordings[0].fingerprint == expected


def test_an_earlier_fit_is_not_in_the_fingerprint(night):
    scaler = SignalScaler("training").fit(night)
    scaler.set_params(per="recording").fit(night)
    assert not hasattr(scaler, "scaling_")
    found = scaler.transform(night).recordings[0].fingerprint
    assert found == fingerprint(SignalScaler(), night)


def test_fingerprints_are_the_same_in_another_process(night):
    """In one with other hashes of text, and from pickles of what is pending."""
    transformers = [kind(**values) for kind, values in OTHERS.items()]
    pending = [fitted(each, night).transform(night) for each in transformers]
    program = (
        "import json, pickle, sys\n"
        "night, transformers, pending = pickle.load(sys.stdin.buffer)\n"
        "fitted = [each.fit(night).transform(night) for each in transformers]\n"
        "print(json.dumps([[X.recordings[0].fingerprint for X in views]"
        " for views in (fitted, pending)]))"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((night, transformers, pending)),
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    expected = [X.recordings[0].fingerprint for X in pending]
    assert json.loads(done.stdout) == [expected, expected]


def test_the_code_of_a_subclass_is_in_the_fingerprint(night, tmp_path, monkeypatch):
    found = set()
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "louder.py").write_text(
            "from sleepkit.preprocessing import Resampler\n"
            "class Louder(Resampler):\n"
            "    def _transform_samples(self, data, sfreq, modality):\n"
            f"        return {factor} * data\n",
            encoding="utf-8",
        )
        monkeypatch.delitem(sys.modules, "louder", raising=False)
        monkeypatch.syspath_prepend(folder)
        found.add(fingerprint(import_module("louder").Louder(50), night))
    assert len(found) == 2


def test_manifests_name_the_transformer_and_its_parameters(night, tmp_path):
    X = BandpassFilter({"eeg": (0.3, 40)}).fit_transform(night)
    X = Cache(tmp_path).fit_transform(Resampler(100).fit_transform(X))
    values(X)
    (manifest,) = tmp_path.rglob("*.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))["steps"] == [
        "BandpassFilter(bands={'eeg': (0.3, 40)}, fir_order=None)",
        "Resampler(target_sfreq=100)",
    ]


def test_parameters_are_checked_before_a_night_is_transformed(night):
    resampler = Resampler(100).fit(night).set_params(target_sfreq=-1)
    with pytest.raises(ValueError, match="'target_sfreq' parameter of Resampler"):
        resampler.transform(night)
    with pytest.raises(NotFittedError):
        Resampler(100).transform(night)
