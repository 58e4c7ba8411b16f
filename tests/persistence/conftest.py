"""Fixtures: a fitted Pipeline, its model file, and files made from changed members."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.persistence import save_model
from sleepkit.preprocessing import SpectrumScaler


@pytest.fixture(scope="package")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 300)
    X = rng.standard_normal((300, 4)) + y[:, np.newaxis]
    X[::7, 2] = np.nan
    return X, y


@pytest.fixture(scope="package")
def stager(data):
    trees = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    return make_pipeline(SpectrumScaler(), StandardScaler(), trees).fit(*data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stager.model"


def members_of(model, folder):
    """Members of the file of a model, by name."""
    save_model(model, folder / "stager.model")
    with zipfile.ZipFile(folder / "stager.model") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="package")
def content(stager, tmp_path_factory):
    """Members of a model file, by name."""
    return members_of(stager, tmp_path_factory.mktemp("content"))


@pytest.fixture
def write(path):
    """Function that writes a model file from its members."""

    def write(content):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, member in content.items():
                stored = name == "arrays.safetensors"
                kind = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                archive.writestr(name, member, compress_type=kind)

    return write


@pytest.fixture
def write_model(content, write):
    """Function that writes a model file with another description of the model."""

    def write_model(model):
        info = json.loads(content["sleepkit.json"]) | {"model": model}
        write(content | {"sleepkit.json": json.dumps(info)})

    return write_model
