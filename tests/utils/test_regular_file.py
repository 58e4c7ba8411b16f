"""Only regular files are opened."""

from __future__ import annotations

import os

import pytest

from sleepkit.io import describe_channels, read_hypnogram, read_recording
from sleepkit.persistence import load_model, model_info
from sleepkit.utils import open_regular

READERS = [describe_channels, read_hypnogram, read_recording, load_model, model_info]


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
