"""Models are restored equal, or refused when they are saved."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sleepkit import __version__
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model, model_info, save_model


def test_another_process_predicts_the_same(stager, data, path, tmp_path):
    X, _ = data
    save_model(stager, path)
    np.save(tmp_path / "X.npy", X)
    script = (
        "import sys, numpy as np; from sleepkit.persistence import load_model; "
        "model = load_model(sys.argv[1]); X = np.load(sys.argv[2]); "
        "np.save(sys.argv[3], model.predict_proba(X))"
    )
    files = [path, tmp_path / "X.npy", tmp_path / "P.npy"]
    subprocess.run([sys.executable, "-W", "error", "-c", script, *files], check=True)
    np.testing.assert_array_equal(np.load(files[2]), stager.predict_proba(X))


def test_info(stager, path):
    about = {"modalities": {"eeg": ["C4-M1"]}, "nights": 3}
    save_model(stager, path, about=about)
    info = model_info(path)
    assert info.pop("created").endswith("+00:00")
    first, *others = info.pop("model")["pipeline"]
    assert first[0] == "spectrumscaler"
    assert others == [
        ["standardscaler", {"foreign": "0"}],
        ["histgradientboostingclassifier", {"foreign": "1"}],
    ]
    assert info == {
        "format": 2,
        "sleepkit": __version__,
        "scikit-learn": sklearn.__version__,
        "torch": version("torch"),
        "estimator": "Pipeline",
        "classes": [0, 1, 2, 3, 4],
        "layout": None,
        "about": about,
        "left_out": [],
    }


def test_an_estimator_without_classes(path):
    save_model(StandardScaler().fit([[0.0], [2.0]]), path)
    assert load_model(path).mean_ == [1]
    assert model_info(path)["classes"] is None


def test_failing_to_save_leaves_the_old_file(stager, path):
    save_model(stager, path)
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match="cannot go into a model file"):
        save_model(RandomForestClassifier(2).fit([[0], [1]], [0, 1]), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


class Homemade(BaseEstimator):
    pass


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (Homemade(), r"Homemade cannot go .*test_model_file\.Homemade, .* joblib.dump"),
        (FunctionTransformer(os.getcwd), r"it holds .*getcwd"),
        (FunctionTransformer(lambda X: X), "FunctionTransformer cannot go"),
        ({"no": "estimator"}, "it holds a dict, no estimator"),
        (RandomForestClassifier(2).fit([[0], [1]], [0, 1]), r"_tree\.Tree"),
    ],
    ids=["class", "function", "lambda", "dict", "forest"],
)
def test_save_refuses_what_load_would(estimator, words, path):
    with pytest.raises(ModelFileError, match=words):
        save_model(estimator, path)
    assert not path.exists()


def test_classifiers_of_scikit_learn(data, path):
    X, y = np.nan_to_num(data[0]), data[1]
    model = LogisticRegression(C=0.01).fit(X, y)
    save_model(model, path)
    np.testing.assert_array_equal(load_model(path).predict(X), model.predict(X))
