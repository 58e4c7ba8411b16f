"""What is published works without the checkout: an sdist, and a wheel made from it.

The environment has the wheel alone; its dependencies are those of this one, by a path
file, which does not make the checkout importable.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
from email.parser import BytesParser
from pathlib import Path
from zipfile import ZipFile

import edfio
import pytest

import sleepkit
from sleepkit.pretrained import MODELS

ROOT = Path(__file__).parents[1]
CARDS = {f"pretrained/{name}.{suffix}" for name in MODELS for suffix in ("md", "model")}


def build(source, out, target):
    """Build a distribution, and return its file."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", out, "-t", target]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (file,) = (path for path in out.iterdir() if path.suffix != ".gitignore")
    return file


def unpacked_sdist(out):
    """The sdist of the checkout, unpacked."""
    with tarfile.open(build(ROOT, out, "sdist")) as archive:
        archive.extractall(out, filter="data")
    return out / f"sleepkit_learn-{sleepkit.__version__}"


def clean_environment(folder, wheel):
    """An environment with the wheel; returns the folder of its programs."""
    venv.create(folder, with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    dependencies = Path(sysconfig.get_paths()["purelib"])
    Path(paths["purelib"], "dependencies.pth").write_text(f"{dependencies}\n")
    programs = Path(paths["scripts"])
    pip = [sys.executable, "-m", "pip", "--python", programs / "python"]
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "install", *options, wheel], check=True)
    return programs


def check_sdist(sdist):
    """It has the models, and what the tests and the documentation need."""
    needed = ("LICENSE", "README.md", "tests/conftest.py", "docs/night.png")
    models = {f"sleepkit/{path}" for path in CARDS}
    assert [path for path in {*needed, *models} if not (sdist / path).is_file()] == []
    assert not (sdist / ".ci").exists()


def check_wheel(wheel):
    """It has the package with its models, and nothing else."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("/METADATA"))
        about = BytesParser().parsebytes(archive.read(metadata))
    info = f"sleepkit_learn-{sleepkit.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"sleepkit", info}
    source = ROOT / "sleepkit"
    files = {path for path in source.rglob("*") if path.is_file()}
    expected = {f.relative_to(source).as_posix() for f in files if f.suffix != ".pyc"}
    packed = {name.removeprefix("sleepkit/") for name in names if info not in name}
    assert packed == expected
    assert {"py.typed", *CARDS} <= packed
    assert about["Version"] == sleepkit.__version__
    assert about["License-Expression"] == "BSD-3-Clause"
    assert about.get_payload().startswith("# sleepkit\n")


def output(command, folder):
    """What a command prints, without anything of this environment."""
    environment = {"PATH": "", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return answer.stdout


def check_staging(programs, eeg, folder):
    """Its command stages a recording with the model that comes with it."""
    signal = edfio.EdfSignal(
        eeg.data[0].astype(float), eeg.sfreq, label="C4-M1", physical_dimension="uV"
    )
    edfio.Edf([signal]).write(folder / "night.edf")
    options = ["--out", "results", "--format", "json", "--json"]
    report = output([programs / "sleepkit", "stage", "night.edf", *options], folder)
    assert json.loads(report)["status"] == "staged"
    staged = json.loads((folder / "results/night-hypnogram.json").read_text())
    assert len(staged["stages"]) == 45


def test_published(make_night, tmp_path):  # one test, so that one process builds
    pytest.importorskip("hatchling")
    for name in ("sdist", "wheel", "environment", "nights"):
        (tmp_path / name).mkdir()
    sdist = unpacked_sdist(tmp_path / "sdist")
    check_sdist(sdist)
    wheel = build(sdist, tmp_path / "wheel", "wheel")
    check_wheel(wheel)
    programs = clean_environment(tmp_path / "environment", wheel)
    where = "import sleepkit; print(sleepkit.__version__, sleepkit.__file__)"
    printed = output([programs / "python", "-c", where], tmp_path / "nights")
    version, file = printed.split()
    assert version == sleepkit.__version__
    assert Path(file).is_relative_to(tmp_path / "environment")
    eeg = make_night(n_epochs=45, modalities=("eeg",)).signals["eeg"]
    check_staging(programs, eeg, tmp_path / "nights")
