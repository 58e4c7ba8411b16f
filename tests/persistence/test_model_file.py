"""Models come back equal, and no file makes the program do anything else."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sleepkit import __version__
from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.persistence import load_model, model_info, save_model


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 300)
    X = rng.standard_normal((300, 4)) + y[:, np.newaxis]
    X[::7, 2] = np.nan
    return X, y


@pytest.fixture(scope="module")
def stager(data):
    trees = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    return make_pipeline(StandardScaler(), trees).fit(*data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stager.model"


@pytest.fixture
def content(stager, path):
    """What is in a model file, member by member."""
    save_model(stager, path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, content):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in content.items():
            archive.writestr(name, member)


def write_foreign(path, content, estimator):
    """A model file with an estimator that `save_model` would have refused."""
    dump = zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator)))
    members = {name: dump.read(name) for name in dump.namelist()}
    write(path, members | {"sleepkit.json": content["sleepkit.json"]})


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
    assert info == {
        "format": 1,
        "sleepkit": __version__,
        "scikit-learn": sklearn.__version__,
        "estimator": "Pipeline",
        "classes": [0, 1, 2, 3, 4],
        "about": about,
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
        (Homemade(), r"Homemade cannot go .* it holds .*test_model_file\.Homemade"),
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


@pytest.mark.parametrize(
    ("junk", "words"),
    [
        (b"", "no model file"),
        (b"0       X X X X" * 99, "no model file; models are written by `train`"),
        (b"PK\x03\x04" + bytes(99), "cut short or damaged"),
        (pickle.dumps([1]), "looks like a pickle, which could run any program"),
    ],
    ids=["empty", "edf", "stub", "pickle"],
)
def test_no_model_file(junk, words, path):
    path.write_bytes(junk)
    with pytest.raises(ModelFileError, match=words) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"{path} cannot be loaded as a model: ")
    with pytest.raises(ModelFileError, match=words):
        model_info(path)


def test_missing_file(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_truncated(stager, path, part):
    save_model(stager, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ModelFileError, match="cut short"):
        load_model(path)


def outcome(path, X):
    """Probabilities, or None where the file is refused."""
    try:
        return load_model(path).predict_proba(X)
    except ModelFileError:
        return None


def test_flipped_bits_are_noticed_or_harmless(stager, data, path):
    save_model(stager, path)
    expected = stager.predict_proba(data[0])
    whole = path.read_bytes()
    refused = 0
    for where in np.random.default_rng(0).integers(0, len(whole), 30):
        path.write_bytes(
            whole[:where] + bytes([whole[where] ^ 0xFF]) + whole[where + 1 :]
        )
        found = outcome(path, data[0])
        refused += found is None
        assert found is None or np.array_equal(found, expected)
    assert refused > 15


class Bomb:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_pickle_renamed_runs_nothing(path, tmp_path):
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(ModelFileError, match="pickle"):
        load_model(path)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_among_the_arrays_runs_nothing(content, path, tmp_path):
    name = next(name for name in content if name.endswith(".npy"))
    plain = pickle.dumps(Bomb(tmp_path / "ran"))
    array = io.BytesIO()
    np.save(array, np.array([Bomb(tmp_path / "ran")]), allow_pickle=True)
    for hidden in (plain, array.getvalue()):
        write(path, content | {name: hidden})
        with pytest.raises(ModelFileError, match="damaged"):
            load_model(path)
    assert not (tmp_path / "ran").exists()


def test_types_outside_the_list_are_named_and_not_imported(
    content, path, tmp_path, monkeypatch
):
    (tmp_path / "evil_module.py").write_text("import os; os.mkdir('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    schema = json.loads(content["schema.json"])
    schema["__module__"], schema["__class__"] = "evil_module", "Evil"
    write(path, content | {"schema.json": json.dumps(schema)})
    with pytest.raises(ModelFileError, match=r"it holds evil_module\.Evil, which no"):
        load_model(path)
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_functions_outside_the_list_are_named(content, path):
    write_foreign(path, content, FunctionTransformer(os.getcwd))
    with pytest.raises(ModelFileError, match=r"it holds .*getcwd, which no model"):
        load_model(path)


@pytest.mark.parametrize("name", ["../up.npy", "/root.npy", "a/b.npy", "c.npz", "x.py"])
def test_strange_members(content, path, name):
    write(path, content | {name: b"\x93NUMPY"})
    with pytest.raises(ModelFileError, match=r"it holds '.*', which no model"):
        load_model(path)


def test_a_name_twice(content, path):
    write(path, content)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Dup"):
        archive.writestr("schema.json", b"{}")
    with pytest.raises(ModelFileError, match="the same name twice"):
        load_model(path)


def test_an_archive_of_another_program(path):
    skops.io.dump(StandardScaler(), path)
    with pytest.raises(ModelFileError, match=r"another program's .*sleepkit\.json"):
        load_model(path)


def test_huge_members_are_refused_unread(content, path, monkeypatch):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
        with archive.open("zeros.npy", "w", force_zip64=True) as stream:
            for _ in range(65):
                stream.write(bytes(2**24))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(ModelFileError, match=r"would unpack to 1,\d+,\d+,\d+ bytes"):
        load_model(path)


def test_huge_text_is_refused(content, path):
    write(path, content | {"schema.json": b" " * 2**26})
    with pytest.raises(ModelFileError, match=r"67,\d+,\d+ of them text"):
        load_model(path)


def test_a_huge_array_in_a_small_member(content, path):
    name = next(name for name in content if name.endswith(".npy"))
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (2**48,)}
    np.lib.format.write_array_header_1_0(header, shape)
    write(path, content | {name: header.getvalue() + bytes(64)})
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


def test_bottomless_nesting(content, path):
    write(path, content | {"schema.json": b"[" * 10**6})
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize("text", [b"no json", b"[1]", b"\xff"])
def test_damaged_info(content, path, text):
    write(path, content | {"sleepkit.json": text})
    with pytest.raises(ModelFileError, match="damaged"):
        model_info(path)


@pytest.mark.parametrize("number", [0, 2, None])
def test_another_format(content, path, number):
    info = json.loads(content["sleepkit.json"]) | {"format": number, "sleepkit": "9.9"}
    write(path, content | {"sleepkit.json": json.dumps(info)})
    words = rf"format {number}, of sleepkit 9\.9; .* train it again"
    with pytest.raises(ModelFileError, match=words):
        load_model(path)


def test_another_scikit_learn_is_told(content, path):
    name = "sleepkit.json"
    info = json.loads(content[name]) | {"scikit-learn": "1.2.3"}
    schema = content["schema.json"].decode().replace(sklearn.__version__, "1.2.3")
    write(path, content | {name: json.dumps(info), "schema.json": schema})
    with pytest.warns(SleepkitWarning, match=r"trained with scikit-learn 1\.2\.3, and"):
        load_model(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left", 10**6),
        ("left", 0),
        ("right", 10**6),
        ("right", 0),
        ("feature_idx", 4),
        ("feature_idx", -1),
        ("is_categorical", 1),
    ],
)
def test_a_tree_that_points_outside_itself(data, content, path, field, value):
    trees = HistGradientBoostingClassifier(max_iter=1, random_state=0).fit(*data)
    trees._predictors[0][2].nodes[field][0] = value
    write_foreign(path, content, make_pipeline(trees))
    with pytest.raises(ModelFileError, match="a decision tree that scikit-learn"):
        load_model(path)


@pytest.mark.parametrize("part", [slice(0), "left"])
def test_a_tree_of_another_layout(data, content, path, part):
    trees = HistGradientBoostingClassifier(max_iter=1, random_state=0).fit(*data)
    tree = trees._predictors[0][0]
    tree.nodes = tree.nodes[part]
    write_foreign(path, content, trees)
    with pytest.raises(ModelFileError, match=r"a decision tree|damaged"):
        load_model(path)


def test_other_classifiers_too(data, path):
    X, y = np.nan_to_num(data[0]), data[1]
    model = LogisticRegression(C=0.01).fit(X, y)
    save_model(model, path)
    np.testing.assert_array_equal(load_model(path).predict(X), model.predict(X))
