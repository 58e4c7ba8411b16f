import numpy as np
import pytest

from sleepkit.metrics import selective_staging, staging_scores


def sure(stage, confidence):
    """This stage with this probability, the next one with the rest."""
    row = np.zeros(5)
    row[stage], row[(stage + 1) % 5] = confidence, 1 - confidence
    return row


def test_by_hand():
    stages = [0, 1, 2, 3, 4]
    wrong_first = [sure(1, 0.6), sure(2, 0.7), sure(2, 0.8), sure(3, 0.9), sure(4, 1)]
    shares = [0, 0.2, 0.39, 0.4, 0.8, 0.99]
    table = selective_staging(stages, wrong_first, shares=shares)
    np.testing.assert_allclose(table["share"], shares)
    np.testing.assert_allclose(table["deferred"], [0, 0.2, 0.2, 0.4, 0.8, 0.8])
    np.testing.assert_allclose(table["confidence"], [0.6, 0.7, 0.7, 0.8, 1, 1])
    assert table["n_epochs"].tolist() == [5, 4, 4, 3, 1, 1]
    np.testing.assert_allclose(table["accuracy"], [0.6, 0.75, 0.75, 1, 1, 1])
    assert table["kappa"][3] == 1
    assert np.isnan(table["kappa"][-1])  # one stage throughout
    for name, score in staging_scores(stages, [1, 2, 2, 3, 4]).items():
        assert table[name][0] == pytest.approx(score, nan_ok=True)


def test_equally_sure_epochs_stay_together():
    proba = [sure(0, 0.9), *[sure(1, 0.7)] * 3, sure(2, 0.6)]
    truth = [0, 1, 0, 1, 2]
    shares = [0, 0.2, 0.4, 0.6, 0.8]
    table = selective_staging(truth, proba, shares=shares)
    np.testing.assert_allclose(table["deferred"], [0, 0.2, 0.2, 0.2, 0.8])
    order = [3, 0, 2, 4, 1]
    again = selective_staging(
        np.take(truth, order), np.take(proba, order, 0), shares=shares
    )
    for name, column in table.items():
        np.testing.assert_array_equal(column, again[name])


def test_no_confidence_sends_nothing():
    table = selective_staging([0, 1, 2], np.full((3, 5), 0.2))
    assert (table["deferred"] == 0).all()
    assert (table["n_epochs"] == 3).all()


def test_default_shares():
    stages = np.arange(100) % 5
    confidence = np.linspace(0.55, 0.99, 100)
    proba = [sure(*pair) for pair in zip(stages, confidence, strict=True)]
    table = selective_staging(stages, proba)
    np.testing.assert_allclose(table["share"], np.linspace(0, 0.95, 20))
    np.testing.assert_allclose(
        table["deferred"], table["share"]
    )  # no share is rounded away
    assert (table["accuracy"] == 1).all()


@pytest.mark.parametrize("shares", [1, [1.0], [-0.1], [np.nan], [[0.5]]])
def test_shares_that_cannot_be(shares):
    with pytest.raises(ValueError, match="shares >= 0 and < 1"):
        selective_staging([0], [sure(0, 1)], shares=shares)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r"selective_staging needs .* same length"):
        selective_staging([0, 1], [sure(0, 1)])
