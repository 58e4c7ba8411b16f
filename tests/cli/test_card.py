"""`sleepkit card`: prints the card of a model, or writes it."""

from __future__ import annotations

from sleepkit.persistence import model_card
from sleepkit.pretrained import card


def test_prints_the_card_of_a_file(run, model):
    code, text, _ = run("card", model)
    assert code == 0
    assert text == model_card(model).to_markdown() + "\n"
    assert text.startswith("# trees\n")


def test_models_of_sleepkit(run):
    assert run("card", "default")[:2] == (0, card("default"))
    assert run("card", "bands")[:2] == (0, card("bands"))


def test_writes_html(run, fails, model, tmp_path):
    out = tmp_path / "new" / "card.html"
    code, text, _ = run("card", model, "--html", "--out", out)
    assert (code, text) == (0, f"Written:\n  {out}\n")
    assert out.read_text() == model_card(model).to_html() + "\n"
    assert "--overwrite replaces it" in fails("card", model, "--out", out)
    assert run("card", model, "--out", out, "--overwrite")[0] == 0
    assert out.read_text().startswith("# trees\n")


def test_no_model(fails, tmp_path):
    assert "no-such.model: No such file" in fails("card", tmp_path / "no-such.model")
    assert "hf://owner/name@revision" in fails("card", "hf://x")
