"""A model is loaded from a hub by a revision, once, or an error says why not."""

from __future__ import annotations

import socket

import pytest
from sklearn.linear_model import LogisticRegression

from sleepkit.exceptions import HubError, ModelFileError
from sleepkit.persistence import load_model, model_info, save_model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models of different parameters, as the content of their files."""
    folder = tmp_path_factory.mktemp("models")
    for strength in (1, 2):
        save_model(LogisticRegression(C=strength), folder / f"{strength}.model")
    return [(folder / f"{strength}.model").read_bytes() for strength in (1, 2)]


@pytest.fixture
def commits(hub, models):
    """Hashes of two commits; the tag v1 is of the first."""
    made = [hub.commit({"sleepkit.model": content}) for content in models]
    hub.refs["tags"]["v1"] = made[0]
    return made


def test_a_commit_is_loaded_once(hub, commits):
    address = f"hf://me/stager@{commits[0]}"
    assert load_model(address).C == 1
    hub.requests.clear()
    assert load_model(address).C == 1
    assert model_info(address)["estimator"] == "LogisticRegression"
    assert hub.requests == []


def test_a_tag(hub, commits):
    assert load_model("hf://me/stager@v1").C == 1
    assert f"GET /me/stager/resolve/{commits[0]}/sleepkit.model" in hub.requests


@pytest.mark.usefixtures("commits")
def test_what_may_change_must_be_wanted(hub):
    with pytest.raises(HubError, match="names no revision, so that another"):
        load_model("hf://me/stager")
    with pytest.raises(HubError, match="names a branch, so that another"):
        load_model("hf://me/stager@main")
    assert not any("resolve" in request for request in hub.requests)
    assert load_model("hf://me/stager", unpinned=True).C == 2
    assert load_model("hf://me/stager@main", unpinned=True).C == 2


@pytest.mark.usefixtures("commits")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://stager@v1", "must be hf://owner/name@revision; got 'hf://stager@v1'"),
        ("hf://me/stager@", "must be hf://owner/name@revision"),
        ("hf://me/..@v1", "must be hf://owner/name@revision"),
        ("hf://me/stager@../v1", "must be hf://owner/name@revision"),
        ("hf://a--b/c@v1", "no hub has a repository of such a name"),
        ("hf://me/stager@v2", "has no such revision; a revision is the whole hash"),
        (f"hf://me/stager@{'0' * 40}", r"has no such revision \(RevisionNotFound"),
        (f"hf://me/other@{'0' * 40}", "no such repository, or it is private and no"),
        ("hf://me/other@v1", "no such repository, or it is private and no"),
    ],
)
def test_wrong_addresses(address, words):
    with pytest.raises(HubError, match=words):
        load_model(address)


def test_other_files(hub, models):
    number = hub.commit({"model.safetensors": b"weights"})
    with pytest.raises(HubError, match=r"holds no sleepkit\.model at this revision"):
        load_model(f"hf://me/stager@{number}")
    number = hub.commit({"sleepkit.model": b"\x80\x04pickle"})
    words = rf"hf://me/stager@{number} cannot be loaded as a model: it looks like a pic"
    with pytest.raises(ModelFileError, match=words):
        load_model(f"hf://me/stager@{number}")
    at = len(models[0]) // 3  # in the text of a member, which has a checksum
    damaged = models[0][:at] + bytes([models[0][at] ^ 1]) + models[0][at + 1 :]
    number = hub.commit({"sleepkit.model": damaged})
    with pytest.raises(ModelFileError, match="cut short or damaged"):
        load_model(f"hf://me/stager@{number}")
    number = hub.commit({"sleepkit.model": models[1]})
    hub.requests.clear()
    hub.size = 2**31
    with pytest.raises(HubError, match="2,147,483,648 bytes; a model file has at most"):
        load_model(f"hf://me/stager@{number}")
    assert not any(request.startswith("GET") for request in hub.requests)


@pytest.mark.usefixtures("hub")
def test_no_network(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(HubError, match="@v1: the hub cannot be reached"):
        load_model("hf://me/stager@v1")
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # a commit is tried again
    with pytest.raises(HubError, match=r"@0{40}: the hub cannot be reached"):
        load_model(f"hf://me/stager@{'0' * 40}")


def test_without_huggingface_hub(monkeypatch):
    def refuse(name, **_):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("sleepkit.utils._optional.import_module", refuse)
    with pytest.raises(ImportError, match=r"pip install 'sleepkit-learn\[hub\]'"):
        load_model("hf://me/stager@v1")
