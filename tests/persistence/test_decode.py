"""Manipulated descriptions of a model are refused."""

from __future__ import annotations

import json

import pytest

from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model


@pytest.fixture
def model(content):
    """The description of the stager's Pipeline."""
    return json.loads(content["sleepkit.json"])["model"]


@pytest.fixture
def scaler(model):
    """The description of its first step, inside of `model`."""
    return model["pipeline"][0][1]


def test_an_unchanged_description_loads(write_model, model, path, stager, data):
    write_model(model)
    assert (load_model(path).predict(data[0]) == stager.predict(data[0])).all()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "preprocessing.Cache",
        "preprocessing.trim_wake",
        "preprocessing._base.EpochTransformer",
        "classifiers.SleepClassifier",
        "SpectrumScaler",
        "",
    ],
)
def test_classes_outside_the_list(write_model, model, scaler, path, name):
    scaler["class"] = name
    write_model(model)
    with pytest.raises(ModelFileError, match=rf"it holds {name}, which no model file"):
        load_model(path)


def test_an_unknown_parameter(write_model, model, scaler, path):
    scaler["parameters"]["shell"] = "ls"
    write_model(model)
    words = r"its SpectrumScaler has the parameter 'shell', which .* does not know"
    with pytest.raises(ModelFileError, match=words):
        load_model(path)


@pytest.mark.parametrize(
    "name", ["__class__", "__dict__", "transform", "_step", "per", "scaling", "a-b_"]
)
def test_an_attribute_that_fit_does_not_set(write_model, model, scaler, path, name):
    scaler["fitted"][name] = 1
    write_model(model)
    with pytest.raises(
        ModelFileError, match=f"cannot have the fitted attribute '{name}'"
    ):
        load_model(path)


def test_an_attribute_that_is_a_property(write_model, path):
    node = {"class": "preprocessing.FitOnSelected", "parameters": {"estimator": None}}
    write_model(node | {"fitted": {"classes_": [1]}})
    with pytest.raises(
        ModelFileError, match="cannot have the fitted attribute 'classes_'"
    ):
        load_model(path)


@pytest.mark.parametrize(
    "model",
    [
        {"eval": "exit()"},
        {},
        {"array": "nowhere"},
        {"foreign": "7"},
        {"class": 1},
        {"class": "preprocessing.SpectrumScaler", "parameters": []},
        {"pipeline": [1], "parameters": {}},
        {"dict": [[[], 1]]},
        {"scaling": {"dict": [["left", 1]]}},
    ],
    ids=str,
)
def test_an_invalid_description(write_model, path, model):
    write_model(model)
    with pytest.raises(ModelFileError, match="it is damaged"):
        load_model(path)


@pytest.mark.parametrize("model", [1, None, [], "model", {"tuple": [1]}], ids=str)
def test_a_description_of_no_estimator(write_model, path, model):
    write_model(model)
    with pytest.raises(ModelFileError, match="no estimator"):
        load_model(path)


def test_a_file_without_a_description(content, write, path):
    info = json.loads(content["sleepkit.json"])
    del info["model"]
    write(content | {"sleepkit.json": json.dumps(info)})
    with pytest.raises(ModelFileError, match=r"it is damaged .*model"):
        load_model(path)


def test_one_part_named_many_times(write_model, model, path):
    model["pipeline"] = [[f"step{i}", {"foreign": "0"}] for i in range(1000)]
    write_model(model)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize("depth", [900, 10**5])
def test_a_bottomless_description(content, write, path, depth):
    info = json.dumps(json.loads(content["sleepkit.json"]) | {"model": None})
    nested = f'"model": {"[" * depth}{"]" * depth}'
    write(content | {"sleepkit.json": info.replace('"model": null', nested)})
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize("number", [7, "0", None])
def test_an_estimator_that_is_not_there(write_model, model, path, number):
    model["pipeline"][0][1] = {"again": number}
    write_model(model)
    with pytest.raises(ModelFileError, match="it is damaged"):
        load_model(path)
