"""Downloads of nights; a server in a thread stands for the NSRR."""

from __future__ import annotations

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest

from sleepkit.datasets import fetch_nsrr, load_shhs
from sleepkit.exceptions import RecordingError
from tests.datasets.trees import write_shhs

TOKEN = "1-a b"


def _md5(content):
    return hashlib.md5(content).hexdigest()


class Nsrr(BaseHTTPRequestHandler):
    """Lists and sends the files of ``server.files``, by their paths in the data set."""

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/api/v1/datasets/shhs/files.json":
            return self._list(parse_qs(url.query))
        start = f"/datasets/shhs/files/a/{TOKEN}/m/sleepkit/"
        path = unquote(url.path)
        if self.server.is_closed or not path.startswith(start):
            return self.send_error(403)
        return self._send(path.removeprefix(start))

    def _list(self, query):
        if query["auth_token"] != [TOKEN]:
            return self.send_error(401)
        (folder,) = query["path"]
        rows = {}
        for path, content in self.server.files.items():
            if path.startswith(folder + "/"):
                name, *deeper = path.removeprefix(folder + "/").split("/")
                rows[name] = {
                    "dataset": "shhs",
                    "full_path": f"{folder}/{name}",
                    "folder": f"{folder}/",
                    "file_name": name,
                    "is_file": not deeper,
                    "file_size": 102 if deeper else self._size(path, content),
                    "file_checksum_md5": None if deeper else _md5(content),
                    "archived": name == "archive",
                }
        body = json.dumps(list(rows.values()) + self.server.more).encode()
        return self._answer(200, body, {"Content-Length": len(body)})

    def _size(self, path, content):
        return self.server.sizes.get(path, len(content))

    def _send(self, path):
        content = self.server.files[path]
        wanted = self.headers["Range"]
        self.server.requests.append((path.rpartition("/")[2], wanted))
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        code, headers = 200, {}
        if begin >= len(content):
            return self._answer(416, b"", {"Content-Length": 0})
        if wanted and self.server.resumes:
            code = 206
            last = len(content) - 1
            headers = {"Content-Range": f"bytes {begin}-{last}/{len(content)}"}
            content = content[begin:]
        headers["Content-Length"] = len(content)
        if self.server.breaks > 0:
            self.server.breaks -= 1
            content = content[: len(content) // 2]
        return self._answer(code, content, headers)

    def _answer(self, code, body, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def nsrr(tmp_path, monkeypatch):
    """A server with two nights of SHHS, which breaks off ``breaks`` times.

    Tries follow each other at once; ``waits`` has the seconds they would have waited.
    """
    source = tmp_path / "source"
    for number in (200001, 200077):
        write_shhs(source, number, [0, 2, 5])
    archived = source / "polysomnography" / "edfs" / "archive" / "shhs1-200001.edf"
    archived.parent.mkdir()
    archived.write_bytes(b"old")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nsrr)
    server.files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in source.rglob("*.*")
    }
    server.sizes, server.more, server.requests = {}, [], []
    server.breaks, server.resumes, server.is_closed = 0, True, False
    server.waits = []
    monkeypatch.setattr("time.sleep", server.waits.append)
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NSRR_TOKEN", TOKEN)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(server, path, **options):
    return fetch_nsrr("shhs", path, base_url=server.url, **options)


def test_nights_of_a_subject(nsrr, tmp_path, capsys):
    folder = fetch(nsrr, tmp_path / "new", subjects=[200077])
    assert folder == tmp_path / "new" / "shhs"
    X, y, groups, _ = load_shhs(folder)
    assert set(groups) == {"shhs:200077"}
    assert y.tolist() == [0, 2, 4]
    assert np.isfinite(X.recordings[0].signals["eeg"].data).all()
    assert len(nsrr.requests) == 3
    assert capsys.readouterr().err == ""
    fetch(nsrr, tmp_path / "new")  # all: what is there is not downloaded again
    assert len(nsrr.requests) == 6
    names = {path.name for path in folder.rglob("*.*")}
    assert len(names) == 6
    assert not any(name.endswith(".part") for name in names)


def test_a_download_that_breaks_off_goes_on(nsrr, tmp_path):
    nsrr.breaks = 3
    folder = fetch(
        nsrr, tmp_path / "new", subjects=[200001], folder="polysomnography/edfs"
    )
    path = "polysomnography/edfs/shhs1/shhs1-200001.edf"
    assert (folder / path).read_bytes() == nsrr.files[path]
    size = len(nsrr.files[path])
    begins = [size // 2, size // 2 + (size - size // 2) // 2]
    wanted = [int(r.removeprefix("bytes=")[:-1]) for _, r in nsrr.requests[1:]]
    assert wanted[:2] == begins
    assert len(wanted) == 3
    assert set(nsrr.waits) == {0}


def test_a_later_call_goes_on(nsrr, tmp_path):
    path = "polysomnography/edfs/shhs1/shhs1-200001.edf"
    target = tmp_path / "new" / "shhs" / path
    target.parent.mkdir(parents=True)
    part = target.with_name("shhs1-200001.edf.part")
    part.write_bytes(nsrr.files[path][:1000])
    fetch(nsrr, tmp_path / "new", subjects=["200001"], folder="polysomnography/edfs")
    assert nsrr.requests == [("shhs1-200001.edf", "bytes=1000-")]
    assert target.read_bytes() == nsrr.files[path]
    assert not part.exists()


def test_a_server_that_cannot_go_on_starts_again(nsrr, tmp_path):
    nsrr.breaks, nsrr.resumes = 1, False
    folder = fetch(nsrr, tmp_path / "new", subjects=[200001])
    for path, content in nsrr.files.items():
        if "200001" in path and "archive" not in path:
            assert (folder / path).read_bytes() == content


def test_a_server_that_breaks_off_again_and_again(nsrr, tmp_path):
    nsrr.breaks, nsrr.resumes = 1000, False
    with pytest.raises(ConnectionError, match=r"bytes came.* goes on from there"):
        fetch(nsrr, tmp_path / "new", subjects=[200001])
    assert len(nsrr.requests) == 5
    assert list((tmp_path / "new").rglob("*.part"))
    nsrr.breaks = 0
    fetch(nsrr, tmp_path / "new", subjects=[200001])


def test_a_page_in_place_of_a_file_is_refused(nsrr, tmp_path):
    nsrr.files = {"polysomnography/shhs1-200001.edf": b"<html>log in</html>"}
    nsrr.sizes = {"polysomnography/shhs1-200001.edf": 10_000}
    with pytest.raises(
        RecordingError, match=r"sends 19 bytes, and lists 10,000\. Does"
    ):
        fetch(nsrr, tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_a_part_of_another_file_is_dropped(nsrr, tmp_path):
    path = "polysomnography/edfs/shhs1/shhs1-200001.edf"
    target = tmp_path / "new" / "shhs" / path
    target.parent.mkdir(parents=True)
    part = target.with_name("shhs1-200001.edf.part")
    part.write_bytes(b"x" * (len(nsrr.files[path]) + 5))
    fetch(nsrr, tmp_path / "new", subjects=[200001])
    assert target.read_bytes() == nsrr.files[path]
    target.unlink()
    part.write_bytes(b"x" * 100)
    with pytest.raises(RecordingError, match="differs from its MD5"):
        fetch(nsrr, tmp_path / "new", subjects=[200001])
    assert not part.exists()
    assert not target.exists()
    fetch(nsrr, tmp_path / "new", subjects=[200001])


def test_no_message_shows_the_token(nsrr, tmp_path, monkeypatch):
    monkeypatch.setenv("NSRR_TOKEN", "2-secret")
    with pytest.raises(
        ConnectionError, match=r"HTTP Error 401.*token in NSRR_TOKEN"
    ) as e:
        fetch(nsrr, tmp_path)
    assert "secret" not in str(e.value)
    monkeypatch.delenv("NSRR_TOKEN")
    with pytest.raises(ValueError, match="NSRR_TOKEN"):
        fetch(nsrr, tmp_path)


def test_a_file_that_the_token_gives_no_access_to(nsrr, tmp_path):
    nsrr.files = {"polysomnography/shhs1-200001.edf": b"x"}
    nsrr.is_closed = True
    with pytest.raises(ConnectionError, match=r"HTTP Error 403.*give access") as e:
        fetch(nsrr, tmp_path)
    assert TOKEN not in str(e.value)


def test_paths_outside_of_the_folder_are_never_written(nsrr, tmp_path):
    row = {"is_file": True, "file_size": 1, "file_checksum_md5": None}
    nsrr.more = [
        {**row, "full_path": "polysomnography/../../evil-200001.edf"},
        {**row, "full_path": "/evil-200001.edf"},
        {**row, "full_path": "polysomnography", "is_file": False},
    ]
    fetch(nsrr, tmp_path / "new", subjects=[200001])
    assert not any("evil" in path.name for path in tmp_path.rglob("*"))


def test_subjects_and_names_that_nobody_has(nsrr, tmp_path):
    with pytest.raises(RecordingError, match="no file of the subjects 200, 7"):
        fetch(nsrr, tmp_path, subjects=[200, 200001, 7])
    with pytest.raises(ValueError, match="'dataset' parameter of fetch_nsrr"):
        fetch_nsrr("../shhs", tmp_path)
    nsrr.files = {}
    nsrr.more = "no list"
    with pytest.raises(ConnectionError, match="does not list the folder"):
        fetch(nsrr, tmp_path)
