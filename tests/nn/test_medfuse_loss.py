"""Losses of MedFuseSleep by hand, and the effect of descending them."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from sleepkit.nn import MedFuseLoss, MedFuseOutput, alignment_loss, multi_view_loss

BATCH, SEQ, DIM = 2, 6, 8


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def logits():
    return {h: randn(BATCH, SEQ, 5, seed=i) for i, h in enumerate(("a", "b", "fused"))}


@pytest.fixture
def labels():
    return torch.tensor([[0, 1, 2, 3, 4, -1], [1, 1, 4, 0, -1, 2]])


def mean_entropy(logits, labels, counts):
    """Mean of -log softmax over the epochs that count, one by one."""
    terms = [
        scores.exp().sum().log() - scores[label]
        for scores, label in zip(logits[counts], labels[counts], strict=True)
    ]
    return torch.stack(terms).mean()


def test_multi_view_loss_by_hand(logits, labels):
    expected = sum(mean_entropy(x, labels, labels >= 0) for x in logits.values())
    torch.testing.assert_close(multi_view_loss(logits, labels), expected)


def test_heads_count_where_their_modality_is_present(logits, labels):
    a = torch.tensor([[1, 1, 1, 0, 0, 1], [1, 1, 1, 1, 1, 1]]).bool()
    b = torch.tensor([[1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1]]).bool()
    scored = labels >= 0
    expected = (
        mean_entropy(logits["a"], labels, scored & a)
        + mean_entropy(logits["b"], labels, scored & b)
        + mean_entropy(logits["fused"], labels, scored & a & b)
    )
    loss = multi_view_loss(logits, labels, {"a": a, "b": b})
    torch.testing.assert_close(loss, expected)


def test_fusion_needs_two_of_three(logits, labels):
    logits = logits | {"c": randn(BATCH, SEQ, 5, seed=9)}
    there = torch.zeros(3, BATCH, SEQ, dtype=torch.bool)
    there[0, :, :4] = there[1, :, 3:] = there[2, :, 3] = True
    present = dict(zip("abc", there, strict=True))
    loss = multi_view_loss(logits, labels, present, weights=dict.fromkeys("abc", 0))
    expected = mean_entropy(logits["fused"][:, 3], labels[:, 3], labels[:, 3] >= 0)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("min_modalities_for_fusion", [1, 2, 3])
def test_min_modalities_for_fusion(logits, labels, min_modalities_for_fusion):
    logits = logits | {"c": randn(BATCH, SEQ, 5, seed=9)}
    there = randn(3, BATCH, SEQ, seed=1) > 0
    present = dict(zip("abc", there, strict=True))
    loss = multi_view_loss(
        logits,
        labels,
        present,
        weights=dict.fromkeys("abc", 0),
        min_modalities_for_fusion=min_modalities_for_fusion,
    )
    counts = (labels >= 0) & (there.sum(0) >= min_modalities_for_fusion)
    assert counts.any()
    torch.testing.assert_close(loss, mean_entropy(logits["fused"], labels, counts))


def test_modality_that_is_not_named_is_present(logits, labels):
    b = randn(BATCH, SEQ) > 0
    everywhere = torch.ones(BATCH, SEQ, dtype=torch.bool)
    named = multi_view_loss(logits, labels, {"a": everywhere, "b": b})
    torch.testing.assert_close(multi_view_loss(logits, labels, {"b": b}), named)


def test_weights_of_heads(logits, labels):
    parts = [mean_entropy(x, labels, labels >= 0) for x in logits.values()]
    loss = multi_view_loss(logits, labels, weights={"a": 0, "b": 0.5})
    torch.testing.assert_close(loss, 0.5 * parts[1] + parts[2])


def test_weights_of_classes(logits, labels):
    weight = torch.tensor([1.0, 3.0, 0.5, 2.0, 0.1])
    expected = cross_entropy(
        logits["a"].flatten(0, 1), labels.flatten(), weight, ignore_index=-1
    )
    loss = multi_view_loss({"a": logits["a"]}, labels, class_weight=weight)
    torch.testing.assert_close(loss, expected)


def test_no_labelled_epoch(logits, labels):
    a = logits["a"].requires_grad_()
    loss = multi_view_loss({"a": a}, torch.full_like(labels, -1))
    loss.backward()
    assert loss.item() == 0
    assert not a.grad.any()


def by_formula(a, b, temperature):
    """Both directions of InfoNCE within one sequence, one number at a time."""
    n = len(a)
    s = [[cosine_similarity(x, y, dim=0) / temperature for y in b] for x in a]
    loss = 0
    for i in range(n):
        loss -= math.log(math.exp(s[i][i]) / sum(math.exp(s[i][j]) for j in range(n)))
        loss -= math.log(math.exp(s[i][i]) / sum(math.exp(s[j][i]) for j in range(n)))
    return loss / n


@pytest.fixture
def pair():
    return randn(BATCH, SEQ, DIM, seed=1), randn(BATCH, SEQ, DIM, seed=2)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_alignment_by_hand(pair, temperature):
    """The mean over all epochs of all sequences, rivals from the own sequence."""
    a, b = pair
    expected = sum(by_formula(a[i], b[i], temperature) for i in range(BATCH)) / BATCH
    loss = alignment_loss(a, b, temperature=temperature)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_negatives_of_the_batch(pair):
    expected = by_formula(*(x.flatten(0, 1) for x in pair), 0.1)
    loss = alignment_loss(*pair, negatives="batch")
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0])
def test_alignment_floor(temperature):
    """Perfect pairs: 21 corners of a simplex, whose cosines are -1/20."""
    corners = (torch.eye(21) - 1 / 21)[None]
    floor = math.log(1 + 20 * math.exp(-(1 + 1 / 20) / temperature))
    loss = alignment_loss(corners, corners, temperature=temperature)
    assert loss.item() / 2 == pytest.approx(floor, rel=1e-3)


def test_chance_level():
    same = torch.ones(1, 21, DIM)
    assert alignment_loss(same, same).item() / 2 == pytest.approx(math.log(21))


def test_alignment_is_positive_and_least_for_true_pairs(pair):
    a, b = pair
    assert 0 < alignment_loss(a, a) < alignment_loss(a, b)


def test_alignment_is_symmetric(pair):
    a, b = pair
    torch.testing.assert_close(alignment_loss(a, b), alignment_loss(b, a))


def test_alignment_ignores_scale(pair):
    a, b = pair
    sizes = 0.1 + 10 * torch.rand(BATCH, SEQ, 1)
    torch.testing.assert_close(alignment_loss(sizes * a, 7 * b), alignment_loss(a, b))


def margin(a, b):
    """How much more alike pairs are than strangers."""
    cosines = cosine_similarity(a[:, :, None], b[:, None], dim=-1)
    pairs = cosines.diagonal(dim1=1, dim2=2)
    strangers = (cosines.sum() - pairs.sum()) / (cosines.numel() - pairs.numel())
    return (pairs.mean() - strangers).item()


@pytest.mark.parametrize(("literal_sign", "direction"), [(False, 1), (True, -1)])
def test_descent(pair, literal_sign, direction):
    """Ours pulls pairs together; the formula as printed drives them apart."""
    a, b = (x.clone().requires_grad_() for x in pair)
    before = margin(a, b)
    optimizer = torch.optim.SGD([a, b], lr=1.0)
    for _ in range(50):
        optimizer.zero_grad()
        alignment_loss(a, b, literal_sign=literal_sign).backward()
        optimizer.step()
    assert direction * (margin(a, b) - before) > 0.3


def test_literal_sign(pair):
    literal = alignment_loss(*pair, literal_sign=True)
    assert literal < 0
    torch.testing.assert_close(literal, -alignment_loss(*pair))


@pytest.mark.parametrize("negatives", ["sequence", "batch"])
def test_masked_epochs_are_neither_pairs_nor_rivals(pair, negatives):
    a, b = pair
    mask = torch.arange(SEQ).expand(BATCH, -1) < 4
    expected = alignment_loss(a[:, :4], b[:, :4], negatives=negatives)
    a, b = (x.masked_fill(~mask[..., None], torch.nan).requires_grad_() for x in pair)
    loss = alignment_loss(a, b, negatives=negatives, mask=mask)
    loss.backward()
    torch.testing.assert_close(loss, expected)
    assert a.grad.isfinite().all()
    assert not a.grad[:, 4:].any()


def test_mean_is_over_epochs_not_sequences(pair):
    """Five pairs of one sequence and two of the other count seven."""
    a, b = pair
    mask = torch.arange(SEQ) < torch.tensor([[5], [2]])
    parts = [by_formula(a[i, :n], b[i, :n], 0.1) * n for i, n in enumerate((5, 2))]
    loss = alignment_loss(a, b, mask=mask)
    assert loss.item() == pytest.approx(sum(parts) / 7, rel=1e-5)


def test_nothing_to_align(pair):
    mask = torch.zeros(BATCH, SEQ, dtype=torch.bool)
    assert alignment_loss(*pair, mask=mask).item() == 0


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"temperature": 0}, "'temperature' parameter of alignment_loss must be"),
        ({"negatives": "all"}, "'negatives' parameter of alignment_loss must be one"),
    ],
)
def test_parameters_are_checked(pair, parameter, message):
    with pytest.raises(ValueError, match=message):
        alignment_loss(*pair, **parameter)


# ----------------------------------------------------------------------- the whole loss

THERE = torch.ones(1, 2, dtype=torch.bool)


def by_hand(**parameters):
    """Loss of two epochs with EEG and EOG, whose embeddings are each other's axes."""
    odds = {"eeg": 3.0, "eog": 1.0, "fused": 7.0}  # of stage 0 to stage 1
    logits = {
        head: torch.tensor([[[math.log(value), 0.0]] * 2])
        for head, value in odds.items()
    }
    embeddings = {"eeg": torch.eye(2)[None], "eog": 5 * torch.eye(2)[None]}
    targets = {
        "stages": torch.zeros(1, 2, dtype=torch.long),
        "present": {"eeg": THERE, "eog": THERE},
    }
    return MedFuseLoss(**parameters)(MedFuseOutput(logits, embeddings), targets).item()


def test_medfuse_loss_by_hand():
    """Probabilities 7/8, 3/4 and 1/2; cosines 1 of pairs and 0 of others."""
    aligned = 2 * math.log(1 + math.exp(-1 / 0.5))
    expected = -math.log(7 / 8) - 0.5 * (math.log(3 / 4) + math.log(1 / 2))
    loss = by_hand(multi_view=0.5, alignment=0.3, temperature=0.5)
    assert loss == pytest.approx(expected + 0.3 * aligned)
    assert by_hand(multi_view=0, alignment=0) == pytest.approx(-math.log(7 / 8))


def test_min_modalities_of_the_whole_loss():
    loss = by_hand(alignment=0, min_modalities_for_fusion=3)
    assert loss == pytest.approx(-math.log(3 / 8))


def test_trained_temperature_starts_as_given_and_stays_above_its_bound():
    loss = MedFuseLoss(temperature=0.2, learn_temperature=True)
    assert loss.temperature.item() == pytest.approx(0.2)
    with torch.no_grad():
        loss.log_scale.fill_(50)
    assert loss.temperature.item() == pytest.approx(0.01)
    assert not list(MedFuseLoss().parameters())


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"multi_view": -1}, "'multi_view' parameter of MedFuseLoss"),
        ({"alignment": math.nan}, "'alignment' parameter of MedFuseLoss"),
        ({"temperature": 0}, "'temperature' parameter of MedFuseLoss"),
        ({"negatives": "all"}, "'negatives' parameter of MedFuseLoss"),
        ({"min_modalities_for_fusion": 0}, "'min_modalities_for_fusion' parameter"),
    ],
)
def test_bad_parameters_of_the_whole_loss(parameter, message):
    with pytest.raises(ValueError, match=message):
        MedFuseLoss(**parameter)


@pytest.mark.parametrize("least", [1, 2])
def test_the_subset_head_counts_in_training(logits, labels, least):
    there = torch.ones(BATCH, SEQ, dtype=torch.bool)
    present = {"a": there.clone(), "b": there.clone(), "c": there.clone()}
    present["a"][0, :2] = present["b"][0, :2] = False
    scores = dict.fromkeys(("a", "b", "c", "fused"), logits["fused"])
    embeddings = {name: randn(BATCH, SEQ, DIM, seed=3) for name in present}
    plain = MedFuseOutput(scores, embeddings)
    more = plain._replace(logits=scores | {"subset": logits["a"]})
    targets = {"stages": labels, "present": present}
    loss = MedFuseLoss(min_modalities_for_fusion=least)
    counts = labels >= 0
    if least == 2:
        counts[0, :2] = False
    expected = mean_entropy(logits["a"], labels, counts)
    found = loss(more, targets) - loss(plain, targets)
    torch.testing.assert_close(found, expected)
    loss.eval()  # the weights to keep are chosen by the other heads
    assert torch.equal(loss(more, targets), loss(plain, targets))
