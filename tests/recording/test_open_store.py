from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sleepkit.exceptions import StoreError
from sleepkit.recording import EpochArray, open_store


@pytest.fixture
def X(make_night):
    """Two nights of one subject, one of another without EOG, and unscored epochs."""
    both = {"eeg": 4.0, "eog": 2.0}
    info = {"age": np.int64(45), "sex": "F", "weights": np.array([1.5, 2.0])}
    first = make_night(3, ("eeg", "eog"), sfreq=both, seed=0, id="b", subject="lab:1")
    start = datetime(2001, 2, 3, 22, 30, tzinfo=UTC)
    return EpochArray(
        [
            first.replace(info=info, lights_off=2.5, start=start),
            make_night(
                4, ("eeg",), sfreq=4.0, seed=1, hypnogram=[0, -1, 2, 3], id="ü/c"
            ),
            make_night(2, ("eeg", "eog"), sfreq=both, id="a", subject="lab:1"),
        ]
    )


def manifests(store: Path) -> list[Path]:
    return sorted(store.glob("*/manifest.json"))


def test_everything_comes_back_without_the_source(X, tmp_path, scale):
    stored = X.map(scale(3.0)).materialize(tmp_path / "store")
    shutil.move(tmp_path / "store", tmp_path / "moved")
    found, y, groups = open_store(tmp_path / "moved")
    for part in ("recording", "subject", "epoch", "hypnogram"):
        np.testing.assert_array_equal(getattr(found, part), getattr(X, part))
    np.testing.assert_array_equal(y, X.hypnogram)
    np.testing.assert_array_equal(groups, X.subject)
    for name in ("eeg", "eog"):
        np.testing.assert_array_equal(found.epochs(name), 3 * X.epochs(name))
    assert len(stored) == len(found) == 8
    for night, source in zip(found.recordings, X.recordings, strict=True):
        for part in ("id", "subject", "start", "lights_off", "lights_on", "n_epochs"):
            assert getattr(night, part) == getattr(source, part)
        assert night.is_computed
    info = dict(found.recordings[0].info)
    assert info == {
        "age": 45,
        "sex": "F",
        "weights": [1.5, 2.0],
        "steps": ["Scale(factor=3.0, calls='')"],
    }


def test_the_steps_of_a_store_made_of_a_store_are_all_kept(X, tmp_path, scale):
    X.map(scale(3.0)).materialize(tmp_path / "one")
    open_store(tmp_path / "one")[0].map(scale(2.0)).materialize(tmp_path / "two")
    again, _, _ = open_store(tmp_path / "two")
    steps = ["Scale(factor=3.0, calls='')", "Scale(factor=2.0, calls='')"]
    assert again.recordings[1].info["steps"] == steps
    np.testing.assert_array_equal(again.epochs("eeg"), 6 * X.epochs("eeg"))


def test_nights_add_up_and_the_last_version_of_one_counts(X, tmp_path, scale):
    for part in (X[:3], X[3:], X[:3]):
        part.materialize(tmp_path)
    found, _, _ = open_store(tmp_path)
    assert [night.id for night in found.recordings] == ["b", "ü/c", "a"]
    X[:3].map(scale(2.0)).materialize(tmp_path)
    found, _, _ = open_store(tmp_path)
    np.testing.assert_array_equal(found[:3].epochs("eeg"), 2 * X[:3].epochs("eeg"))
    np.testing.assert_array_equal(found[3:].epochs("eeg"), X[3:].epochs("eeg"))


def test_a_night_without_stages_gives_all_its_epochs(X, tmp_path):
    night = X.recordings[0].replace(hypnogram=None)
    EpochArray([night]).materialize(tmp_path)
    assert open_store(tmp_path)[1].tolist() == [-1, -1, -1]


def test_no_value_is_read_on_opening(X, tmp_path):
    X.materialize(tmp_path)
    path = manifests(tmp_path)[0].with_name("0-eeg.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found, _, _ = open_store(tmp_path)
    with pytest.raises(StoreError, match="is damaged: its values differ"):
        found.epochs("eeg")


@pytest.mark.parametrize("file", ["manifest.json", "0-eeg.npy"])
def test_a_night_that_is_cut_short_is_named(X, tmp_path, file):
    X.materialize(tmp_path)
    path = manifests(tmp_path)[1].with_name(file)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"lacks 1 of the 3 .* \(a\)"):
        open_store(tmp_path)
    found, _, _ = open_store(tmp_path, partial=True)
    assert [night.id for night in found.recordings] == ["b", "ü/c"]
    X.materialize(tmp_path)
    assert len(open_store(tmp_path)[0]) == len(X)


def test_a_store_without_any_night(X, tmp_path):
    X.materialize(tmp_path)
    for path in manifests(tmp_path):
        shutil.rmtree(path.parent)
    with pytest.raises(StoreError, match="lacks 3 of the 3 nights"):
        open_store(tmp_path, partial=True)


def test_other_folders_are_refused(X, tmp_path):
    with pytest.raises(StoreError, match=r"is no store .* has no index\.json"):
        open_store(tmp_path)
    X.cached(tmp_path / "cache").materialize()
    with pytest.raises(StoreError, match=r"is no store .* has no index\.json"):
        open_store(tmp_path / "cache")


@pytest.mark.parametrize(
    "content", ["[]", "{", "{}", '{"nights": 3}', '{"nights": {"a": "../a"}}', "\x00"]
)
def test_a_damaged_index_is_refused_and_written_again(X, tmp_path, content):
    X.materialize(tmp_path)
    (tmp_path / "index.json").write_text(content)
    with pytest.raises(StoreError, match=r"index\.json is damaged"):
        open_store(tmp_path)
    (tmp_path / "index.json").unlink()
    X.materialize(tmp_path)
    assert len(open_store(tmp_path)[0]) == len(X)


NIGHTS = """
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sleepkit.recording import EpochArray, Recording, Signal

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Slow:
    def __call__(self, recording):
        with (FOLDER / "calls").open("a") as file:
            file.write(recording.id)
        time.sleep(60 if recording.id == sys.argv[1] else 0)
        return recording


signals = {"eeg": Signal(np.ones((1, 6000)), 100)}
nights = [
    Recording(id=name, subject=name, signals=signals, hypnogram=[0, 2])
    for name in "edcba"
]
EpochArray(nights).map(Slow()).materialize(FOLDER / "store")
"""


def test_killed_in_the_middle_of_a_night(tmp_path):
    """No finished night is computed again, and a partial store says so."""
    script, calls = tmp_path / "nights.py", tmp_path / "calls"
    script.write_text(NIGHTS)
    process = subprocess.Popen([sys.executable, script, "b"], start_new_session=True)
    deadline = time.monotonic() + 30
    while not (calls.exists() and calls.read_text() == "edcb"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    with pytest.raises(StoreError, match=r"lacks 2 of the 5 .* \(b, a\)"):
        open_store(tmp_path / "store")
    assert len(open_store(tmp_path / "store", partial=True)[0]) == 6
    subprocess.run([sys.executable, script, "none"], check=True)
    assert calls.read_text() == "edcbba"
    X, _, groups = open_store(tmp_path / "store")
    assert groups.tolist() == list("eeddccbbaa")
    assert X.epochs("eeg").all()
