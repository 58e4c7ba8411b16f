from __future__ import annotations

import os

import pytest

from sleepkit.utils import file_state


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
