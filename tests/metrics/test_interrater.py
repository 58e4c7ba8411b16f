import json

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from sleepkit.metrics import (
    consensus,
    pairwise_kappa,
    scores_against_consensus,
    soft_agreement,
    staging_scores,
)

FUNCTIONS = [pairwise_kappa, soft_agreement, consensus, scores_against_consensus]


@pytest.fixture
def stagings():
    """Four scorers who follow one truth more or less, and leave epochs out."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 200)
    rows = np.array([truth] * 4)
    for row, errors in zip(rows, [0.1, 0.2, 0.3, 0.5], strict=True):
        wrong = rng.random(200) < errors
        row[wrong] = rng.integers(-1, 5, wrong.sum())
    return rows


def plain_soft_agreement(rows, scorer):
    """Epoch by epoch."""
    others = [row for number, row in enumerate(rows) if number != scorer]
    shares = []
    for epoch, stage in enumerate(rows[scorer]):
        votes = [int(sum(row[epoch] == code for row in others)) for code in range(5)]
        if stage >= 0 and max(votes):
            shares.append(votes[stage] / max(votes))
    return np.mean(shares)


def test_kappa_of_each_pair(stagings):
    kappas, mean = pairwise_kappa(stagings)
    assert kappas.shape == (4, 4)
    expected = []
    for one in range(4):
        assert kappas[one, one] == 1
        for other in range(one):
            both = (stagings[one] >= 0) & (stagings[other] >= 0)
            kappa = cohen_kappa_score(stagings[one, both], stagings[other, both])
            assert kappas[one, other] == kappas[other, one] == pytest.approx(kappa)
            expected.append(kappa)
    assert mean == pytest.approx(np.mean(expected))


def test_pairs_without_a_kappa_are_left_out_of_the_mean():
    kappas, mean = pairwise_kappa([[0, 1, -1], [0, 1, 2], [-1, -1, 2]])
    assert mean == kappas[0, 1] == 1
    assert np.isnan(kappas[2]).all()
    assert np.isnan(pairwise_kappa([[0, -1], [-1, 0]])[1])


def test_soft_agreement_by_hand():
    # epoch 0: the others vote W, W, N1; epoch 1: no other vote; epoch 2: N2, N2, N2
    rows = [[1, 3, 4], [0, -1, 2], [0, -1, 2], [1, -1, 2]]
    assert soft_agreement(rows)[0] == pytest.approx((0.5 + 0) / 2)


def test_soft_agreement_epoch_by_epoch(stagings):
    expected = [plain_soft_agreement(stagings, scorer) for scorer in range(4)]
    np.testing.assert_allclose(soft_agreement(stagings), expected)
    assert (np.diff(soft_agreement(stagings)) < 0).all()  # they err more and more


def test_soft_agreement_of_nothing_shared():
    found = soft_agreement([[0, 1, -1], [0, 1, -1], [-1, -1, 3]])
    np.testing.assert_array_equal(found, [1, 1, np.nan])


def test_the_majority_wins():
    assert consensus([[0, 2], [1, 2], [0, 3]]).tolist() == [0, 2]


def test_the_most_reliable_scorer_wins_a_tie():
    reliable, other, odd = [2, 2, 2, 3, 1], [2, 2, 2, 3, 3], [2, 2, 0, 0, 4]
    assert soft_agreement([odd, other, reliable]).argmin() == 0
    # of equally reliable scorers the first
    assert consensus([odd, other, reliable])[4] == 3
    assert consensus([odd, reliable, other])[4] == 1


def test_a_tie_is_between_those_who_tie():
    # the first scorer is the most reliable, and alone with N3 in the last epoch
    rows = np.array([[0] * 9] * 5)
    rows[:, -1] = [3, 1, 1, 2, 2]
    rows[1:, :4] = 4 * np.eye(4)
    rows[3, 4] = 4
    assert soft_agreement(rows).argmax() == 0
    assert consensus(rows)[-1] == 1


def test_an_unscored_epoch_is_no_vote():
    assert consensus([[-1, -1], [-1, 4], [-1, -1]]).tolist() == [-1, 4]


def test_each_against_the_consensus_of_the_others(stagings):
    table = scores_against_consensus(stagings)
    assert table["scorer"].tolist() == [0, 1, 2, 3]
    for scorer in range(4):
        others = consensus(np.delete(stagings, scorer, axis=0))
        both = (others >= 0) & (stagings[scorer] >= 0)
        expected = staging_scores(others[both], stagings[scorer, both])
        found = {name: table[name][scorer] for name in expected}
        assert found == pytest.approx(expected, nan_ok=True)
        assert table["n_epochs"][scorer] == both.sum()


def test_two_scorers_are_each_others_consensus():
    table = scores_against_consensus([[0, 1, 2, -1], [0, 2, 2, 3]])
    assert table["n_epochs"].tolist() == [3, 3]
    assert table["accuracy"] == pytest.approx([2 / 3, 2 / 3])


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("stagings", "words"),
    [
        ([[0, 1]], "at least 2 scorers; got 1"),
        ([0, 1], "2-dimensional"),
        ([[], []], "non-empty"),
        ([[0, 1], [0, 7]], r"Got \[7\]"),
    ],
)
def test_what_cannot_be_compared(function, stagings, words):
    with pytest.raises(ValueError, match=f"{function.__name__} .*{words}"):
        function(stagings)


@pytest.fixture
def dod(real_data):
    """The 25 nights of DOD-H, each by five experts."""
    folder = real_data / "dod_scorers"
    names = sorted(path.name for path in (folder / "scorer_1").iterdir())
    assert len(names) == 25
    return [
        np.array(
            [
                json.loads((folder / f"scorer_{i}" / name).read_text())
                for i in range(1, 6)
            ]
        )
        for name in names
    ]


@pytest.mark.real
def test_five_experts_agree_as_published(dod):
    means = [pairwise_kappa(night)[1] for night in dod]
    assert np.mean(means) == pytest.approx(0.70, abs=0.005)


@pytest.mark.real
def test_consensus_as_published(dod):
    """The published rule differs only where the leader is not among those who tie."""
    n_different = 0
    for night in dod:
        night = night[:, (night >= 0).all(axis=0)]
        order = np.argsort(-soft_agreement(night), kind="stable")
        votes = np.array([(night == code).sum(axis=0) for code in range(5)])
        tied = (votes == votes.max(axis=0)).sum(axis=0) > 1
        published = np.where(tied, night[order[0]], votes.argmax(axis=0))
        different = published != consensus(night)
        alone = votes[night[order[0]], np.arange(len(tied))] < votes.max(axis=0)
        np.testing.assert_array_equal(different, tied & alone)
        n_different += different.sum()
    assert 0 < n_different < 0.003 * sum(night.shape[1] for night in dod)


@pytest.mark.real
def test_experts_against_the_consensus_as_published(dod):
    """Guillot et al. (2020): a mean F1 of 86.8 %, each epoch weighted by its votes."""
    scores = []
    for night in dod:
        night = night[:, (night >= 0).all(axis=0)]
        for scorer, row in enumerate(night):
            others = np.delete(night, scorer, axis=0)
            stages = consensus(others)
            weight = (others == stages).mean(axis=0)
            scores.append(
                f1_score(
                    stages,
                    row,
                    average="weighted",
                    sample_weight=weight,
                    zero_division=0,
                )
            )
    assert np.mean(scores) == pytest.approx(0.868, abs=0.005)
