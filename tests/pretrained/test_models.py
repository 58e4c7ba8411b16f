"""Files of the pretrained stagers in the package."""

from __future__ import annotations

import pytest

from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import model_card
from sleepkit.pretrained import MODELS, _models, card, load_stager, model_path

MAX_BYTES = 5_000_000  # of all models together


@pytest.fixture
def installed(models, monkeypatch):
    """The tiny models, as if they were in the package."""
    monkeypatch.setattr(_models, "_FOLDER", models)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.usefixtures("installed")
def test_what_is_installed(name):
    assert hasattr(load_stager(name), "predict_proba")
    assert card(name).startswith(f"# {name}\n")
    assert model_path(name).name == f"{name}.model"


def test_what_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(_models, "_FOLDER", tmp_path)
    words = r"lacks default\.model of its pretrained stagers; `sleepkit pretrain"
    with pytest.raises(ModelFileError, match=words):
        load_stager()
    with pytest.raises(ModelFileError, match=r"lacks bands\.md"):
        card("bands")


def test_another_name():
    with pytest.raises(ValueError, match="'name' parameter"):
        load_stager("best")


@pytest.mark.parametrize("name", MODELS)
def test_cards_of_the_package_are_of_its_models(name):
    text = card(name)
    assert model_card(model_path(name)).to_markdown() == text.rstrip("\n")
    for title in ("Trained on", "Needs", "Reaches", "Limits", "Licence"):
        assert f"\n## {title}\n" in text
    assert "does not say" not in text


def test_models_of_the_package_are_small():
    sizes = [path.stat().st_size for path in _models._FOLDER.glob("*.model")]
    assert sum(sizes) <= MAX_BYTES
