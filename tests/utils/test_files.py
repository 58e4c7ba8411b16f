"""State of a file, reading of regular files only, and atomic writing."""

from __future__ import annotations

import os

import pytest

from sleepkit.io import describe_channels, read_hypnogram, read_recording
from sleepkit.persistence import load_model, model_info
from sleepkit.utils import file_state, open_regular, write_atomically

READERS = [describe_channels, read_hypnogram, read_recording, load_model, model_info]


@pytest.fixture
def note(tmp_path):
    """A file of four bytes."""
    path = tmp_path / "note"
    path.write_bytes(b"deep")
    return path


def test_a_path_and_an_open_file_have_one_state(note):
    with note.open("rb") as file:
        assert file_state(file) == file_state(note)


def test_a_file_that_is_read_keeps_its_state(note):
    before = file_state(note)
    note.read_bytes()
    assert file_state(note) == before


def test_a_replacement_of_the_same_size_and_time_is_another(note):
    before, stat = file_state(note), note.stat()
    other = note.with_name("other")
    other.write_bytes(b"REM.")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(note)
    after = file_state(note)
    assert (after.size, after.modified_ns) == (before.size, before.modified_ns)
    assert after != before


def test_content(tmp_path):
    path = tmp_path / "night.txt"
    path.write_bytes(b"W\r\n")
    for name in (path, str(path)):
        with open_regular(name) as file:
            assert file.read() == b"W\r\n"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_not_waited_for(read, tmp_path):
    path = tmp_path / "night.edf"
    os.mkfifo(path)
    with pytest.raises(OSError, match="Not a regular file") as caught:
        read(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no such device")  # noqa: PTH110
def test_a_device_is_not_read_to_its_end(read):
    with pytest.raises(OSError, match="Not a regular file"):
        read("/dev/zero")


@pytest.mark.parametrize("read", [read_hypnogram, load_model, model_info])
def test_a_folder(read, tmp_path):
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["a\0b", "loop"])
def test_a_path_to_nothing(read, name, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises((OSError, ValueError), match=r"NUL|There is no|symbolic"):
        read(tmp_path / name)


def test_replaces_what_is_there(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    write_atomically(path, b"new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing_behind(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(target, b"a file cannot replace a folder")
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "note.txt", b"")
