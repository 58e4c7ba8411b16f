from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sleepkit.exceptions import StoreError
from sleepkit.recording import EpochArray, Recording, Signal, Store


def night(name="n", value=1.0, **changes):
    signals = {"eeg": Signal(np.full((1, 180), value), 2, ["C4"])}
    parts = {"id": name, "subject": "s", "signals": signals, **changes}
    return Recording(**parts)


def entries(store: Path) -> list[Path]:
    """Folders of the finished nights."""
    return sorted(store.glob("[!.]*/"))


def leftovers(store: Path) -> list[Path]:
    return list((store / ".partial").iterdir())


# ------------------------------------------------------------------ once, and the same


def test_a_night_is_computed_once_and_read_ever_after(tmp_path, counted):
    store = tmp_path / "a" / "store"
    for _ in range(3):
        recording = night().map(counted.step(3)).cached(str(store)).compute()
        values = recording.signals["eeg"]
        assert not values.is_loaded
        assert (values.data == 3).all()
        assert not values.data.flags.writeable
    assert counted.names() == ["n"]
    assert len(entries(store)) == 1
    assert leftovers(store) == []


def test_steps_after_the_store_run_on_what_it_holds(tmp_path, counted, scale):
    for factor in (2, 3):
        recording = night().map(counted.step(5)).cached(str(tmp_path / "store"))
        assert recording.map(scale(factor)).signals["eeg"].data[0, 0] == 5 * factor
    assert counted.names() == ["n"]


def every_part(recording):
    rng = np.random.default_rng(0)
    return recording.with_signals(
        {
            "eeg": Signal(
                rng.random((3, 2, 4, 5)),
                ch_names=["C4-M1", "é/ü"],
                bandwidth=np.float32(17.1),
                freqs=np.linspace(0, 1, 5) / 3,
                valid=[True, False, True],
                provenance=["low-pass left out: 40 Hz >= Nyquist 25 Hz"],
            ),
            "eog": Signal(
                np.where(rng.random((2, 256 * 30)) < 0.1, np.nan, 1.0), 256 / 3
            ),
            "hrv": Signal(rng.random((3, 7))),
        }
    )


every_part.layout = lambda before: {**before, "eog": None, "hrv": None}


def test_every_part_of_a_signal_comes_back(tmp_path):
    direct = night().map(every_part).compute().signals
    stored = night().map(every_part).cached(str(tmp_path)).compute().signals
    assert list(stored) == list(direct)
    for name, expected in direct.items():
        found = stored[name]
        np.testing.assert_array_equal(found.data, expected.data)
        for part in ("sfreq", "ch_names", "bandwidth", "provenance"):
            assert getattr(found, part) == getattr(expected, part)
        for part in ("valid", "freqs"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))


def transposed(recording):
    """Values in Fortran order, as after a transpose."""
    values = np.asfortranarray(np.arange(36, dtype=np.float32).reshape(3, 12))
    return recording.with_signals({"eeg": Signal(values), "eog": Signal(values[::-1])})


transposed.layout = lambda before: {**before, "eog": None}


def test_the_order_of_values_in_memory_does_not_matter(tmp_path):
    stored = night().map(transposed).cached(str(tmp_path)).signals
    expected = np.arange(36).reshape(3, 12)
    np.testing.assert_array_equal(stored["eeg"].data, expected)
    np.testing.assert_array_equal(stored["eog"].data, expected[::-1])


def test_hypnogram_and_times_come_from_the_source(tmp_path, counted):
    stages = [0, -1, 4]
    recording = night(hypnogram=stages, lights_off=3.0).map(counted.step())
    for _ in range(2):
        found = recording.cached(str(tmp_path / "store")).compute()
        assert found.hypnogram.tolist() == stages
        assert (found.id, found.subject, found.lights_off) == ("n", "s", 3.0)


def test_the_manifest_holds_source_steps_and_versions(tmp_path, scale):
    recording = night(subject="shhs:1").map(scale(3.0))
    recording.cached(str(tmp_path)).compute()
    manifest = json.loads((entries(tmp_path)[0] / "manifest.json").read_text())
    assert (manifest["id"], manifest["subject"]) == ("n", "shhs:1")
    assert manifest["source"] == night(subject="shhs:1").fingerprint
    assert manifest["steps"] == ["Scale(factor=3.0, calls='')"]
    assert manifest["night"]["hypnogram"] is None
    recorded = manifest["versions"].keys()
    assert {"sleepkit", "sleepkit code", "numpy", "scipy"} <= recorded


# ---------------------------------------------------------------- what is another night


@pytest.mark.parametrize(
    "other",
    [
        lambda step: night(value=2.0).map(step(1)),
        lambda step: night("m").map(step(1)),
        lambda step: night(hypnogram=[0, 1, 2]).map(step(1)),
        lambda step: night(lights_off=1.0).map(step(1)),
        lambda step: night().map(step(2)),
        lambda step: night().map(step(1)).map(step(1)),
    ],
)
def test_other_sources_and_steps_are_other_entries(tmp_path, scale, other):
    night().map(scale(1)).cached(str(tmp_path)).compute()
    other(scale).cached(str(tmp_path)).compute()
    assert len(entries(tmp_path)) == 2


def test_other_versions_are_other_entries(tmp_path, counted, monkeypatch):
    for version in ("1.0", "1.0", "1.1"):
        monkeypatch.setattr(
            "sleepkit.recording._store.versions",
            lambda *_, v=version, **__: {"numpy": v},
        )
        night().map(counted.step()).cached(str(tmp_path / "store")).compute()
    assert counted.names() == ["n", "n"]


def test_caching_twice_in_one_place_is_caching_once(tmp_path, counted, monkeypatch):
    """The inner store would wait for the lock of the outer one for ever."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("store")
    recording = night().map(counted.step())
    for spelling in ("store", "store/", "./store", str(tmp_path / "store"), "link"):
        recording = recording.cached(spelling)
    assert (recording.compute().signals["eeg"].data == 2).all()
    other = recording.cached("other").cached("store")
    assert (other.compute().signals["eeg"].data == 2).all()
    EpochArray([recording]).materialize("store")
    assert counted.names() == ["n"]


def test_a_relative_folder_is_found_from_elsewhere(tmp_path, counted, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    recording = night().map(counted.step()).cached("store")
    computed = recording.compute()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert (computed.signals["eeg"].data == 2).all()
    recording.compute()
    assert counted.names() == ["n"]


NAMES = [
    "a:b",
    "a/b",
    "a_b",
    "../../up",
    "été",
    "睡眠",
    ".",
    "",
    "CON",
    "x" * 400,
    "a\nb",
]


def test_any_name_is_a_night_of_its_own(tmp_path, scale):
    store = tmp_path / "store"
    for _ in range(2):
        for i, name in enumerate(NAMES):
            stored = night(name, value=i).map(scale(1)).cached(str(store)).compute()
            assert stored.id == name
            assert (stored.signals["eeg"].data == i).all()
    assert len(entries(store)) == len(NAMES)
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_modalities_whose_file_names_would_collide_stay_apart(tmp_path):
    names = ["eeg:1", "eeg/1", "eeg_1", "EEG_1", "..", "脳" * 100, "脳" * 101]
    signals = {n: Signal(np.full((1, 60), i), 2) for i, n in enumerate(names)}
    stored = night(signals=signals).cached(str(tmp_path / "store")).compute().signals
    assert list(stored) == names
    for i, name in enumerate(names):
        assert (stored[name].data == i).all()
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


# ------------------------------------------------------------------------------- damage


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [truncate, empty, remove])
@pytest.mark.parametrize("file", ["manifest.json", "0-eeg.npy"])
def test_a_damaged_night_is_computed_anew(tmp_path, counted, damage, file):
    store = tmp_path / "store"
    recording = night().map(counted.step()).cached(str(store))
    recording.compute()
    damage(entries(store)[0] / file)
    for _ in range(2):
        assert (recording.compute().signals["eeg"].data == 2).all()
    assert counted.names() == ["n", "n"]
    assert len(entries(store)) == 1


@pytest.mark.parametrize("seed", range(25))
def test_a_flipped_bit_in_a_manifest_is_never_read_wrongly(tmp_path, counted, seed):
    store = tmp_path / "store"
    recording = night().map(counted.step()).map(every_part).cached(str(store))
    expected = recording.compute().signals["eeg"]
    path = entries(store)[0] / "manifest.json"
    content = bytearray(path.read_bytes())
    place = np.random.default_rng(seed).integers(len(content))
    content[place] ^= 1 << (seed % 7)
    path.write_bytes(content)
    found = recording.compute().signals["eeg"]
    assert found.fingerprint == expected.fingerprint
    np.testing.assert_array_equal(found.data, expected.data)


def flip(path, seed):
    content = bytearray(path.read_bytes())
    place = 128 + np.random.default_rng(seed).integers(len(content) - 128)
    content[place] ^= 1 << (seed % 8)
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_bit_in_values_is_never_read(tmp_path, counted, seed):
    store = tmp_path / "store"
    recording = night().map(counted.step()).cached(str(store))
    recording.compute()
    flip(entries(store)[0] / "0-eeg.npy", seed)
    assert (recording.compute().signals["eeg"].data == 2).all()
    assert counted.names() == ["n", "n"]


def test_swapped_values_are_never_read(tmp_path, counted):
    store = tmp_path / "store"
    recordings = [
        night(name, value).map(counted.step()).cached(str(store))
        for name, value in (("a", 1.0), ("b", 5.0))
    ]
    for recording in recordings:
        recording.compute()
    first, second = (folder / "0-eeg.npy" for folder in entries(store))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    values = [r.compute().signals["eeg"].data[0, 0] for r in recordings]
    assert values == [2.0, 10.0]


def test_a_night_just_written_is_not_checked_again(tmp_path, scale, monkeypatch):
    checked = []

    def crc32(values):
        checked.append(len(values))
        return 7

    monkeypatch.setattr("zlib.crc32", crc32)
    recording = night().map(scale()).cached(str(tmp_path))
    for _ in range(3):
        _ = recording.compute().signals["eeg"].data
    assert checked == [180 * 4]
    os.utime(entries(tmp_path)[0] / "0-eeg.npy")  # as if it were written to
    _ = recording.compute().signals["eeg"].data
    assert checked == [180 * 4] * 2


def test_damage_after_a_night_was_opened_is_a_store_error(tmp_path, scale):
    stored = night().map(scale()).cached(str(tmp_path)).compute()
    flip(entries(tmp_path)[0] / "0-eeg.npy", 0)
    with pytest.raises(StoreError, match="is damaged"):
        _ = stored.signals["eeg"].data


def test_verify_lists_the_damaged_nights(tmp_path, scale):
    for name in ("a", "b", "c"):
        night(name).map(scale()).cached(str(tmp_path)).compute()
    assert Store(str(tmp_path)).verify() == []
    damaged, broken, _ = entries(tmp_path)
    flip(damaged / "0-eeg.npy", 0)
    (broken / "manifest.json").unlink()
    assert Store(str(tmp_path)).verify() == [damaged, broken]


def test_a_damaged_header_of_values_is_not_trusted(tmp_path, counted):
    """Type, shape and order are those of the manifest, which has a checksum."""
    store = tmp_path / "store"
    recording = night().map(counted.step()).map(every_part).cached(str(store))
    recording.compute()
    path = entries(store)[0] / "0-eeg.npy"
    path.write_bytes(path.read_bytes().replace(b"'<f4'", b"'>f4'"))
    expected = every_part(night()).signals["eeg"].data
    np.testing.assert_array_equal(recording.signals["eeg"].data, expected)


@pytest.mark.parametrize(
    "content",
    ["[]", "5", "null", "{}", '{"format": 1}', '"text"', "\x00", "{" * 50, "\ud800"],
)
def test_a_foreign_manifest_is_computed_anew(tmp_path, counted, content):
    store = tmp_path / "store"
    recording = night().map(counted.step()).cached(str(store))
    recording.compute()
    path = entries(store)[0] / "manifest.json"
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    assert (recording.compute().signals["eeg"].data == 2).all()
    assert counted.names() == ["n", "n"]


def test_the_manifest_of_another_night_is_not_believed(tmp_path, counted):
    store = tmp_path / "store"
    nights = (night("a", 1.0), night("b", 2.0))
    a, b = (n.map(counted.step()).cached(str(store)) for n in nights)
    a.compute()
    b.compute()
    first, second = entries(store)
    for file in second.iterdir():
        (first / file.name).write_bytes(file.read_bytes())
    assert (a.compute().signals["eeg"].data == 2).all()
    assert counted.names() == ["a", "a", "b"]


def test_a_night_that_vanished_after_it_was_opened_is_a_store_error(tmp_path):
    stored = night().cached(str(tmp_path)).compute()
    (entries(tmp_path)[0] / "0-eeg.npy").unlink()
    with pytest.raises(StoreError, match=r"0-eeg\.npy was there, but cannot be mapped"):
        _ = stored.signals["eeg"].data


def test_a_source_that_vanished_is_not_laid_on_the_store(tmp_path):
    lost = night().cached(str(tmp_path / "lost")).compute()
    (entries(tmp_path / "lost")[0] / "0-eeg.npy").unlink()
    with pytest.raises(StoreError, match=r"^\S*0-eeg\.npy was there, but cannot be"):
        lost.cached(str(tmp_path / "store")).compute()
    assert entries(tmp_path / "store") == leftovers(tmp_path / "store") == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, scale):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"store .*file.* cannot be written to"):
        night().map(scale()).cached(str(tmp_path / "file" / "store")).compute()


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, counted, monkeypatch):
    def save(path, values):
        Path(path).write_bytes(values.tobytes()[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    recording = night().map(counted.step()).cached(str(tmp_path / "store"))
    with monkeypatch.context() as patch:
        patch.setattr("numpy.save", save)
        with pytest.raises(StoreError, match=r"cannot be written to: .*No space"):
            recording.compute()
    assert entries(tmp_path / "store") == leftovers(tmp_path / "store") == []
    assert (recording.compute().signals["eeg"].data == 2).all()


def fail(recording):
    msg = f"no such channel in {recording.id}"
    raise OSError(msg)


def test_the_error_of_a_step_is_its_own_and_frees_the_night(tmp_path):
    recording = night().map(fail).cached(str(tmp_path))
    for _ in range(2):
        with pytest.raises(OSError, match=r"^no such channel in n$") as info:
            recording.compute()
        assert not isinstance(info.value, StoreError)
    assert entries(tmp_path) == []


# -------------------------------------------------------------- kill -9, and neighbours

NIGHTS = """
import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sleepkit.recording import EpochArray, Recording, Signal, Store

FOLDER = Path(__file__).parent
HELD = sys.argv[2:]  # nights that take too long


@dataclass(frozen=True)
class Slow:
    def __call__(self, recording):
        name = f"{recording.id}-{uuid.uuid4().hex}"
        (FOLDER / "calls" / name).touch()
        time.sleep(60 if recording.id in HELD else 0.1)
        return recording.with_signals(
            {n: s.replace(data=s.data + 1) for n, s in recording.signals.items()}
        )


def nights():
    def night(i):
        values = np.arange(6000.0).reshape(2, 3000) + i
        return Recording(
            id=f"n{i}", subject="s", signals={m: Signal(values, 100) for m in "ab"}
        )

    return EpochArray(night(i) for i in range(5)).map(Slow())


def save_half(path, values):
    # The first file of the third night never gets further than its first bytes.
    save_half.count += 1
    if save_half.count == 2 * 2 + 1:
        path.write_bytes(b"half a night")
        (FOLDER / "writing").touch()
        time.sleep(60)
    save(path, values)


if __name__ == "__main__":
    if sys.argv[1] == "half":
        save, np.save, save_half.count = np.save, save_half, 0
    n_jobs = 2 if sys.argv[1] == "parallel" else None
    nights().materialize(FOLDER / "store", n_jobs=n_jobs)
"""


class Nights:
    """Five nights in a folder, computed by processes of their own."""

    def __init__(self, folder: Path):
        self.folder, self.store = folder, folder / "store"
        (folder / "nights.py").write_text(NIGHTS)
        (folder / "calls").mkdir()

    def start(self, how: str = "all", *held: str) -> subprocess.Popen:
        # Its own process group, so that its workers can be killed with it.
        return subprocess.Popen(
            [sys.executable, self.folder / "nights.py", how, *held],
            start_new_session=True,
        )

    def kill_when(self, process: subprocess.Popen, condition) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL

    def calls(self) -> list[str]:
        calls = (self.folder / "calls").iterdir()
        return sorted(path.name.partition("-")[0] for path in calls)

    def stored(self) -> list[str]:
        return [entry.name.partition("-")[0] for entry in entries(self.store)]

    def check_every_entry_is_whole(self) -> None:
        for entry in entries(self.store):
            i = int(entry.name[1])
            for modality, file in enumerate("ab"):
                values = np.load(entry / f"{modality}-{file}.npy")
                expected = np.arange(6000.0).reshape(2, 3000) + i + 1
                np.testing.assert_array_equal(values, expected)

    def resume(self) -> None:
        """Complete the nights in another process, and read them."""
        assert self.start().wait(30) == 0
        assert self.stored() == ["n0", "n1", "n2", "n3", "n4"]
        assert leftovers(self.store) == []
        self.check_every_entry_is_whole()


@pytest.fixture
def nights(tmp_path):
    return Nights(tmp_path)


def test_killed_between_nights_the_finished_ones_are_kept(nights):
    process = nights.start("all", "n2")
    nights.kill_when(process, lambda: "n2" in nights.calls())
    assert nights.stored() == ["n0", "n1"]
    nights.check_every_entry_is_whole()
    nights.resume()
    assert nights.calls() == ["n0", "n1", "n2", "n2", "n3", "n4"]


def test_killed_while_writing_no_half_night_is_left_to_read(nights):
    process = nights.start("half")
    nights.kill_when(process, (nights.folder / "writing").exists)
    assert nights.stored() == ["n0", "n1"]
    (partial,) = leftovers(nights.store)
    assert [p.read_bytes() for p in partial.iterdir()] == [b"half a night"]
    nights.check_every_entry_is_whole()
    nights.resume()
    assert nights.calls() == ["n0", "n1", "n2", "n2", "n3", "n4"]


def test_killed_with_its_workers(nights):
    process = nights.start("parallel", "n3", "n4")
    nights.store.mkdir()
    nights.kill_when(process, lambda: nights.stored() == ["n0", "n1", "n2"])
    nights.check_every_entry_is_whole()
    before = nights.calls()
    nights.resume()
    assert nights.calls() == sorted([*before, "n3", "n4"])


def test_two_processes_compute_each_night_once(nights):
    processes = [nights.start(), nights.start()]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert nights.calls() == ["n0", "n1", "n2", "n3", "n4"]
    nights.check_every_entry_is_whole()


def linger(recording):
    time.sleep(0.05)
    return recording


def test_two_threads_compute_a_night_once(tmp_path, counted):
    recording = night().map(linger).map(counted.step()).cached(str(tmp_path / "store"))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: recording.compute(), range(4)))
    assert all((r.signals["eeg"].data == 2).all() for r in found)
    assert counted.names() == ["n"]


def test_only_what_dead_writers_left_is_swept(tmp_path, scale):
    """A lock, not a process number, says that a writer lives: other machines count."""
    fcntl = pytest.importorskip("fcntl")
    names = ("dead-1f.aa", "alive-2e.bb")
    (tmp_path / ".locks").mkdir()
    for name in names:
        (tmp_path / ".partial" / name).mkdir(parents=True)
        (tmp_path / ".locks" / name[:-3]).touch()
    with (tmp_path / ".locks" / "alive-2e").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        night().map(scale()).cached(str(tmp_path)).compute()
    assert [path.name for path in leftovers(tmp_path)] == ["alive-2e.bb"]


def test_a_stored_night_pickles_as_an_address(tmp_path, scale):
    stored = night().map(scale()).cached(str(tmp_path)).compute()
    again = pickle.loads(pickle.dumps(stored))
    assert again.fingerprint == stored.fingerprint
    assert (again.signals["eeg"].data == 2).all()
