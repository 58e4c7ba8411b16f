from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from sleepkit.plotting import EmbeddingDisplay, HypnogramDisplay

STAGES = ["W", "N1", "N2", "N3", "REM"]


@pytest.fixture(scope="module")
def clusters():
    """Three stages far from each other, each of two subjects alike."""
    rng = np.random.default_rng(0)
    stages = np.repeat([0, 2, 4], 10)
    centers = rng.normal(size=(5, 10)) * 20
    return centers[stages] + rng.normal(size=(30, 10)), stages, np.arange(30) % 2


def place(xy):
    """A point to look up, whatever its type of number."""
    return tuple(np.asarray(xy, float).tolist())


def points_of(ax):
    """Places and colours of the points, whatever was drawn first."""
    drawn = ax.collections[0]
    pairs = zip(drawn.get_offsets(), drawn.get_facecolors(), strict=True)
    return {place(xy): to_hex(color) for xy, color in pairs}


def colors_of_stages():
    """Colours of the stages in a hypnodensity, by name."""
    display = HypnogramDisplay.from_predictions([0], probabilities=np.full((1, 5), 0.2))
    areas = display.axes_[1].collections
    return {area.get_label(): to_hex(area.get_facecolor()[0]) for area in areas}


def names_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_neighbours_share_their_stage(clusters):
    Z, stages, _ = clusters
    points = EmbeddingDisplay.from_features(Z, stages, random_state=0).embedding
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_array_equal(stages[apart.argmin(axis=1)], stages)


def test_points_have_the_colours_of_their_labels(clusters):
    Z, stages, subject = clusters
    display = EmbeddingDisplay.from_features(Z, stages, subject=subject, random_state=0)
    by_stage, by_subject = (points_of(ax) for ax in display.axes_)
    of_stages = colors_of_stages()
    assert len(by_stage) == 30
    colors = {}
    for point, stage, who in zip(display.embedding, stages, subject, strict=True):
        at = place(point)
        assert by_stage[at] == of_stages[STAGES[stage]]
        colors.setdefault(who, set()).add(by_subject[at])
    assert all(len(found) == 1 for found in colors.values())
    assert colors[0] != colors[1]
    assert names_of(display.axes_[0]) == ["W", "N2", "REM"]
    assert names_of(display.axes_[1]) == ["0", "1"]


def test_stages_by_name_and_other_labels(clusters):
    Z, stages, _ = clusters
    names = np.array(["W", "", "N2", "", "REM"])[stages]
    named = EmbeddingDisplay.from_features(Z, names, random_state=0)
    coded = EmbeddingDisplay.from_features(Z, stages, random_state=0)
    np.testing.assert_array_equal(named.embedding, coded.embedding)
    assert points_of(named.axes_[0]) == points_of(coded.axes_[0])
    other = EmbeddingDisplay(named.embedding, np.repeat(["a", "b"], 15)).plot()
    assert names_of(other.axes_[0]) == ["a", "b"]


def test_many_subjects_have_no_legend(clusters):
    Z, stages, _ = clusters
    display = EmbeddingDisplay.from_features(Z, stages, subject=np.arange(30))
    assert display.axes_[1].get_legend() is None


def test_an_estimator_and_the_subjects_of_x(clusters):
    Z, stages, subject = clusters

    class Nights(np.ndarray):
        pass

    X = Z.view(Nights)
    X.subject = subject
    estimator = SimpleNamespace(transform=lambda X: np.asarray(X)[:, :4])
    display = EmbeddingDisplay.from_estimator(estimator, X, stages, random_state=0)
    assert [ax.get_title() for ax in display.axes_] == ["by stage", "by subject"]
    np.testing.assert_array_equal(display.subject, subject)
    direct = EmbeddingDisplay.from_features(Z[:, :4], stages, random_state=0)
    np.testing.assert_array_equal(display.embedding, direct.embedding)
    given = EmbeddingDisplay.from_estimator(estimator, X, stages, subject=subject + 1)
    np.testing.assert_array_equal(given.subject, subject + 1)


@pytest.mark.parametrize("n_epochs", [4, 7])
def test_few_epochs(n_epochs):
    Z = np.random.default_rng(0).normal(size=(n_epochs, 1))
    display = EmbeddingDisplay.from_features(Z, [0] * n_epochs)
    assert np.isfinite(display.embedding).all()


def test_given_axes_are_used(clusters):
    Z, stages, subject = clusters
    figure, axes = plt.subplots(1, 2)
    display = EmbeddingDisplay.from_features(Z, stages, subject=subject, ax=axes)
    assert display.figure_ is figure


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stages": [0]}, r"'stages' must have the shape \(6,\)\. Got \(1,\)"),
        ({"subject": ["a"]}, r"'subject' must have the shape \(6,\)"),
        ({"perplexity": 0}, "'perplexity' parameter of EmbeddingDisplay"),
        ({"ax": [None, None]}, "'ax' parameter must be 1 axes"),
    ],
)
def test_wrong_arguments(arguments, words):
    arguments = {"stages": [0] * 6} | arguments
    with pytest.raises(ValueError, match=words):
        EmbeddingDisplay.from_features(np.ones((6, 2)), **arguments)


def test_three_epochs_are_too_few():
    with pytest.raises(ValueError, match="needs 4 epochs or more; got 3"):
        EmbeddingDisplay.from_features(np.ones((3, 2)), [0, 1, 2])
