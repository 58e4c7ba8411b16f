"""What is pushed to a hub is loaded again by the address of its commit."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import HubError, ModelFileError
from sleepkit.persistence import load_model, model_card, push_model, save_model


def test_push_and_load(hub, stager, data, path):
    save_model(stager, path, about={"method": "trees", "licence": "MIT"})
    address = push_model(path, "hf://me/stager")
    (commit,) = hub.commits
    assert address == f"hf://me/stager@{commit}"
    assert hub.private
    assert hub.commits[commit]["sleepkit.model"] == path.read_bytes()
    head = "---\nlibrary_name: sleepkit\nlicense: mit\n---\n\n# trees\n"
    readme = hub.commits[commit]["README.md"].decode()
    assert readme == head + model_card(path).to_markdown().partition("\n")[2] + "\n"
    X, _ = data
    np.testing.assert_array_equal(load_model(address).predict(X), stager.predict(X))


def test_public(hub, stager, path):
    save_model(stager, path)
    push_model(path, "hf://me/stager", private=False)
    assert hub.private is False
    assert (
        "license" not in hub.commits[hub.refs["branches"]["main"]]["README.md"].decode()
    )


def test_nothing_else_is_pushed(hub, tmp_path, stager, path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(ModelFileError, match=r"notes\.txt cannot be loaded as a model"):
        push_model(tmp_path / "notes.txt", "hf://me/stager")
    save_model(stager, path)
    with pytest.raises(HubError, match=r"without a revision; got hf://me/stager@v1"):
        push_model(path, "hf://me/stager@v1")
    assert hub.requests == []


def test_a_wrong_token(hub, stager, path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    save_model(stager, path)
    words = "hf://me/stager: the hub refuses .*401 Unauthorized.* Invalid token"
    with pytest.raises(HubError, match=words):
        push_model(path, "hf://me/stager")
    assert hub.commits == {}
