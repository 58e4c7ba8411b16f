"""The card says what the file says, in Markdown and in HTML, and nothing else."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import ModelCard, model_card, save_model
from sleepkit.preprocessing import FitOnSelected

ABOUT = {
    "method": "my trees",
    "modalities": ["eeg", "eog"],
    "nights": 12,
    "epochs": 9000,
    "subjects": ["1f", "2e", "3d"],
    "scores": [
        {"estimator": "my trees", "condition": "all", "n_epochs": 90, "kappa": 0.71284},
        {"estimator": "my trees", "condition": "eeg", "n_epochs": 90, "kappa": 0.6},
    ],
    "protocol": {"scoring_window": "all scored epochs"},
    "licence": "CC0-1.0",
}


@pytest.fixture
def card(stager, path):
    """``card(about)``: the card of a model that says this of itself."""

    def make(about):
        save_model(stager, path, about=about)
        return model_card(path)

    return make


def test_what_train_saves(card):
    text = card(ABOUT).to_markdown()
    assert text.startswith("# my trees\n")
    for line in (
        "A stager of epochs into W, N1, N2, N3, REM (of scikit-learn), for research; "
        "not a medical device.",
        "12 nights, 9000 epochs, 3 subjects.",
        "Modalities: eeg, eog.",
        "| spectrumscaler | SpectrumScaler | per=training |",
        "| standardscaler | of scikit-learn |  |",
        "On held-out subjects in cross-validation; scored: all scored epochs.",
        "| score | all | eeg |",
        "| n_epochs | 90 | 90 |",
        "| kappa | 0.713 | 0.600 |",
        "CC0-1.0",
    ):
        assert line in text.splitlines()
    assert "## Limits" not in text


@pytest.mark.parametrize("inner", [[], [StandardScaler()]])
def test_an_estimator_within_another(path, inner):
    classifier = make_pipeline(*inner, GaussianNB()) if inner else GaussianNB()
    stager = make_pipeline(FitOnSelected(classifier)).fit([[0.0], [1.0]], [0, 2])
    save_model(stager, path)
    line = "| fitonselected | FitOnSelected | estimator=of scikit-learn |"
    assert line in model_card(path).to_markdown().splitlines()


def test_texts(card):
    about = {
        "trained_on": "30 nights of our laboratory",
        "adapted_on": {"nights": 4, "subjects": 2},
        "needs": "C4-M1 at 100 Hz or more.",
        "scored_on": "8 held-out subjects",
        "scores": [{"kappa": 0.5}],
        "limits": "Adults only.",
        "credit": "Recordings: nobody's.",
    }
    text = card(ABOUT | about).to_markdown()
    for line in (
        "30 nights of our laboratory.",
        "Then adapted to 4 nights, 2 subjects.",
        "C4-M1 at 100 Hz or more.",
        "On 8 held-out subjects:",
        "| score | all |",
        "| kappa | 0.500 |",
        "Adults only.",
        "Recordings: nobody's.",
    ):
        assert line in text.splitlines()
    assert "9000" not in text


def test_what_is_missing_is_called_so(card):
    text = card({}).to_markdown()
    assert text.count("The file does not say.") == 3  # training, needs, licence
    assert "The file holds no scores." in text


class Page(HTMLParser):
    """Tags and texts of a page; every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html_has_the_same(card):
    made = card(ABOUT)
    page = Page(made.to_html())
    assert page.tags.count("h2") == len(made.sections)
    assert page.tags.count("table") == 2
    for text in ("my trees", "0.713", "per=training", "CC0-1.0"):
        assert text in page.texts


def test_a_file_cannot_write_the_page(card):
    bad = "<script>x</script>|`\x1b[2J\n# no title"
    made = card(ABOUT | {"method": bad, "licence": bad, "modalities": [bad]})
    page, text = Page(made.to_html()), made.to_markdown()
    assert "script" not in page.tags
    assert "\n# no title" not in text
    assert "\\<script>x\\</script>\\|\\`\\\\x1b\\[2J # no title" in text
    assert "\x1b" not in made.to_html() + text


@pytest.mark.parametrize(
    "about",
    [
        {"scores": 3, "protocol": [], "subjects": 7, "modalities": "eeg"},
        {"scores": [3, {"kappa": None, "f1": [1]}], "adapted_on": "x", "nights": {}},
        {"trained_on": ["a"], "method": None, "licence": 0, "scored_on": {"a": 1}},
    ],
)
def test_any_description_has_a_card(card, about):
    made = card(about)
    assert made.to_markdown().startswith("# ")
    assert Page(made.to_html()).tags


@pytest.mark.parametrize("model", [None, {"pipeline": []}, {"pipeline": [1, ["a"]]}, 7])
def test_any_model_has_a_card(content, write, path, model):
    info = json.loads(content["sleepkit.json"]) | {"model": model, "classes": "?"}
    write(content | {"sleepkit.json": json.dumps(info)})
    assert "A fitted estimator" in model_card(path).to_markdown()


def test_a_nest_of_lists_is_refused(content, write, path):
    step = {"class": "preprocessing.Resampler", "parameters": {"sfreq": "deep"}}
    text = json.dumps(json.loads(content["sleepkit.json"]) | {"model": step})
    deep = "[" * 600 + "]" * 600  # is parsed, but too deep for a text
    write(content | {"sleepkit.json": text.replace('"deep"', deep)})
    with pytest.raises(ModelFileError, match="is damaged: there is no card"):
        model_card(path)


def test_a_card_is_plain_data():
    assert ModelCard("a|b", []).to_markdown() == "# a\\|b"
