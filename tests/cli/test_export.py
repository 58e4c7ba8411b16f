import hashlib
import json
from pathlib import Path

import pytest

from sleepkit.cli import main
from sleepkit.persistence import _model_file
from sleepkit.pretrained import model_path

onnx = pytest.importorskip("onnx")


@pytest.fixture
def written(monkeypatch):
    """What was exported: instead of the graph, which takes seconds."""
    calls = []

    def to_onnx(stager, path, **options):
        calls.append((type(stager).__name__, options))
        path.write_bytes(b"graph")

    monkeypatch.setattr("sleepkit.export.to_onnx", to_onnx, raising=False)
    return calls


def test_a_model_becomes_a_file(tmp_path, written, capsys):
    out = tmp_path / "new" / "default.onnx"
    assert main(["export", "default", "--onnx", str(out), "--sfreq", "100"]) == 0
    assert out.read_bytes() == b"graph"
    assert [*out.parent.iterdir()] == [out]  # nothing half written is left
    ((name, options),) = written
    assert name == "Pipeline"
    assert options["sfreq"] == 100
    expected = hashlib.sha256(model_path().read_bytes()).hexdigest()
    assert options["about"]["source_sha256"] == expected
    json.dumps(options["about"])
    assert str(out) in capsys.readouterr().out


def test_nothing_is_replaced(tmp_path, written, capsys):
    out = tmp_path / "default.onnx"
    out.write_bytes(b"mine")
    assert main(["export", "default", "--onnx", str(out)]) == 1
    assert out.read_bytes() == b"mine"
    assert "--overwrite" in capsys.readouterr().err
    assert written == []
    assert main(["export", str(model_path()), "--onnx", str(out), "--overwrite"]) == 0
    assert out.read_bytes() == b"graph"


@pytest.mark.usefixtures("written")
def test_a_model_is_read_once(tmp_path, monkeypatch):
    reads, read = [], _model_file.open_regular
    monkeypatch.setattr(
        _model_file, "open_regular", lambda path: reads.append(path) or read(path)
    )
    monkeypatch.setattr(Path, "read_bytes", None)
    assert main(["export", "default", "--onnx", str(tmp_path / "x.onnx")]) == 0
    assert reads == [model_path()]


@pytest.mark.usefixtures("written")
def test_no_model(tmp_path, capsys):
    out = tmp_path / "x.onnx"
    assert main(["export", str(tmp_path / "no.model"), "--onnx", str(out)]) == 1
    assert "no.model" in capsys.readouterr().err
    assert not out.exists()
