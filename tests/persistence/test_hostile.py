"""A manipulated or damaged file runs no code, and the error names the reason."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sleepkit.exceptions import ModelFileError, SleepkitWarning
from sleepkit.persistence import load_model, model_info, save_model


def write_foreign(write, content, estimator):
    """Write a model file with an estimator that `save_model` would refuse."""
    dump = zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator)))
    members = {f"0/{name}": dump.read(name) for name in dump.namelist()}
    info = json.loads(content["sleepkit.json"]) | {"model": {"foreign": "0"}}
    kept = {"arrays.safetensors": content["arrays.safetensors"]}
    write({"sleepkit.json": json.dumps(info), **kept, **members})


@pytest.mark.parametrize(
    ("junk", "words"),
    [
        (b"", "no model file"),
        (b"0       X X X X" * 99, "no model file; models are written by `train`"),
        (b"PK\x03\x04" + bytes(99), "cut short or damaged"),
        (pickle.dumps([1]), "looks like a pickle, which could run any code"),
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


def test_flipped_bits_are_detected_or_harmless(stager, data, path):
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


def test_a_pickle_among_the_arrays_runs_nothing(write, content, path, tmp_path):
    name = next(name for name in content if name.endswith(".npy"))
    plain = pickle.dumps(Bomb(tmp_path / "ran"))
    array = io.BytesIO()
    np.save(array, np.array([Bomb(tmp_path / "ran")]), allow_pickle=True)
    for hidden in (plain, array.getvalue()):
        write(content | {name: hidden})
        with pytest.raises(ModelFileError, match="damaged"):
            load_model(path)
    assert not (tmp_path / "ran").exists()


def test_untrusted_types_are_named_and_not_imported(
    write, content, path, tmp_path, monkeypatch
):
    (tmp_path / "evil_module.py").write_text("import os; os.mkdir('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    schema = json.loads(content["0/schema.json"])
    schema["__module__"], schema["__class__"] = "evil_module", "Evil"
    write(content | {"0/schema.json": json.dumps(schema)})
    with pytest.raises(ModelFileError, match=r"it holds evil_module\.Evil, which no"):
        load_model(path)
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_untrusted_functions_are_named(write, content, path):
    write_foreign(write, content, FunctionTransformer(os.getcwd))
    with pytest.raises(ModelFileError, match=r"it holds .*getcwd, which no model"):
        load_model(path)


@pytest.mark.parametrize(
    "name", ["../up.npy", "/root.npy", "a/b.npy", "0/../b.npy", "0/c.npz", "x.py"]
)
def test_strange_members(write, content, path, name):
    write(content | {name: b"\x93NUMPY"})
    with pytest.raises(ModelFileError, match=r"it holds '.*', which no model"):
        load_model(path)


def test_a_name_twice(write, content, path):
    write(content)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Dup"):
        archive.writestr("0/schema.json", b"{}")
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
        archive.writestr("0/zeros.npy", b"")
        archive.getinfo("0/zeros.npy").file_size = 65 * 2**24  # in the directory
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(ModelFileError, match=r"would unpack to 1,\d+,\d+,\d+ bytes"):
        load_model(path)


def test_huge_text_is_refused(write, content, path):
    write(content | {"0/schema.json": b" " * 2**26})
    with pytest.raises(ModelFileError, match=r"67,\d+,\d+ of them text"):
        load_model(path)


def test_a_huge_array_in_a_small_member(write, content, path):
    name = next(name for name in content if name.endswith(".npy"))
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (2**48,)}
    np.lib.format.write_array_header_1_0(header, shape)
    write(content | {name: header.getvalue() + bytes(64)})
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


def test_bottomless_nesting(write, content, path):
    write(content | {"0/schema.json": b"[" * 10**6})
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize("text", [b"no json", b"[1]", b"\xff"])
def test_damaged_info(write, content, path, text):
    write(content | {"sleepkit.json": text})
    with pytest.raises(ModelFileError, match="damaged"):
        model_info(path)


@pytest.mark.parametrize("number", [0, 1, 3, None])
def test_another_format(write, content, path, number):
    info = json.loads(content["sleepkit.json"]) | {"format": number, "sleepkit": "9.9"}
    write(content | {"sleepkit.json": json.dumps(info)})
    words = rf"format {number}, of sleepkit 9\.9; .* train it again"
    with pytest.raises(ModelFileError, match=words):
        load_model(path)


def test_warns_of_another_scikit_learn(write, content, path):
    name = "sleepkit.json"
    info = json.loads(content[name]) | {"scikit-learn": "1.2.3"}
    part = "0/schema.json"
    schema = content[part].decode().replace(sklearn.__version__, "1.2.3")
    write(content | {name: json.dumps(info), part: schema})
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
def test_a_tree_that_points_outside_itself(write, data, content, path, field, value):
    trees = HistGradientBoostingClassifier(max_iter=1, random_state=0).fit(*data)
    trees._predictors[0][2].nodes[field][0] = value
    write_foreign(write, content, make_pipeline(trees))
    with pytest.raises(ModelFileError, match="a decision tree that is invalid"):
        load_model(path)


@pytest.mark.parametrize("part", [slice(0), "left"])
def test_a_tree_of_another_layout(write, data, content, path, part):
    trees = HistGradientBoostingClassifier(max_iter=1, random_state=0).fit(*data)
    tree = trees._predictors[0][0]
    tree.nodes = tree.nodes[part]
    write_foreign(write, content, trees)
    with pytest.raises(ModelFileError, match=r"a decision tree|damaged"):
        load_model(path)


def safetensors_of(header, numbers=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


@pytest.mark.parametrize(
    "arrays",
    [
        b"",
        pickle.dumps([1]),
        (2**62).to_bytes(8, "little") + b"{}",
        safetensors_of(b"{"),
        safetensors_of(
            {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
        ),
        safetensors_of(
            {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, bytes(4)
        ),
        safetensors_of(
            {"a": {"dtype": "F32", "shape": [2**63, 4], "data_offsets": [0, 4]}},
            bytes(4),
        ),
        safetensors_of(
            {"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)
        ),
        safetensors_of(
            {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)
        ),
    ],
    ids=["empty", "pickle", "long", "json", "end", "shape", "huge", "type", "bfloat"],
)
def test_arrays_that_are_none(write, content, path, arrays):
    write(content | {"arrays.safetensors": arrays})
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


def test_compressed_arrays(content, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
    with pytest.raises(ModelFileError, match=r"its arrays\.safetensors is compressed"):
        load_model(path)


def test_a_file_of_terabytes(path):
    with path.open("wb") as stream:
        stream.truncate(2**42)
    with pytest.raises(
        ModelFileError, match=r"it has 4,398,\d+,\d+,\d+ bytes; a model"
    ):
        load_model(path)
