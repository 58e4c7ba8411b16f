"""Nights of one modality beside complete ones; cross-modal losses in the latter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from sleepkit.nn import EarlyFusionNet, MedFuseLoss, MedFuseNet, MidLateFusionNet

STAGES = torch.tensor([[0, 1, 2, 1], [2, 0, -1, 1], [1, 1, 0, 2]])
# one complete night, one with EEG only, one with EOG only; the first has a gap
PRESENT = {
    "eeg": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]).bool(),
    "eog": torch.tensor([[1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]).bool(),
}
BOTH = [(0, 0), (0, 1), (0, 2)]


@pytest.fixture(params=[MedFuseNet, EarlyFusionNet, MidLateFusionNet])
def net(request):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shapes = {"eeg": (1, 3, 8), "eog": (1, 3, 8)}
        sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "dim_feedforward": 8}
        return request.param(shapes, 3, d_head=8, dropout=0.0, **sizes)


@pytest.fixture
def inputs():
    """Nothing but NaN where a modality is missing."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(3, 4, 1, 3, 8, generator=generator).masked_fill(
            ~there[:, :, None, None, None], torch.nan
        )
        for name, there in PRESENT.items()
    }


def make_loss(multi_view=1.0, alignment=0.1, min_modalities_for_fusion=2):
    return MedFuseLoss(
        None,
        multi_view=multi_view,
        alignment=alignment,
        temperature=0.1,
        negatives="sequence",
        min_modalities_for_fusion=min_modalities_for_fusion,
    )


def entropy_by_hand(logits, where):
    """The mean over labelled epochs, one by one."""
    scored = [(i, j) for i, j in where if STAGES[i, j] >= 0]
    return sum(cross_entropy(logits[i, j], STAGES[i, j]) for i, j in scored) / len(
        scored
    )


def where(present):
    return [tuple(place) for place in present.nonzero().tolist()]


def align_by_hand(output):
    """The three epochs of the first sequence that have both, in both directions."""
    a, b = (normalize(output.embeddings[m][0, :3], dim=-1) for m in ("eeg", "eog"))
    scores = a @ b.T / 0.1
    places = torch.arange(3)
    return cross_entropy(scores, places) + cross_entropy(scores.T, places)


def test_the_loss_by_hand(net, inputs):
    output = net(inputs, PRESENT)
    found = make_loss()(output, {"stages": STAGES, "present": PRESENT})
    expected = (
        entropy_by_hand(output.logits["fused"], BOTH)
        + entropy_by_hand(output.logits["eeg"], where(PRESENT["eeg"]))
        + entropy_by_hand(output.logits["eog"], where(PRESENT["eog"]))
        + 0.1 * align_by_hand(output)
    )
    torch.testing.assert_close(found, expected)


def test_the_fused_head_learns_from_what_it_has_to_stage(net, inputs):
    output = net(inputs, PRESENT)
    loss = make_loss(multi_view=0.0, alignment=0.0, min_modalities_for_fusion=1)
    found = loss(output, {"stages": STAGES, "present": PRESENT})
    anywhere = where(PRESENT["eeg"] | PRESENT["eog"])
    torch.testing.assert_close(found, entropy_by_hand(output.logits["fused"], anywhere))


def gradients(net, inputs, present, rows):
    """Gradients of the loss of some sequences, by the name of the parameter."""
    net.zero_grad()
    there = {name: mask[rows] for name, mask in present.items()}
    output = net({name: x[rows] for name, x in inputs.items()}, there)
    loss = make_loss()(output, {"stages": STAGES[rows], "present": there})
    loss.backward()
    return {
        name: 0.0 if p.grad is None else float(p.grad.abs().sum())
        for name, p in net.named_parameters()
    }


@pytest.mark.parametrize(
    ("row", "name", "other"), [(1, "eeg", "eog"), (2, "eog", "eeg")]
)
def test_a_night_of_one_modality_teaches_that_alone(net, inputs, row, name, other):
    found = gradients(net, inputs, PRESENT, [row])
    assert all(np.isfinite(list(found.values())))
    silent = (f"streams.{other}.", f"heads.{other}.", "heads.fused.")
    assert not any(g for n, g in found.items() if n.startswith(silent) or ".cross" in n)
    assert found[f"heads.{name}.0.weight"] > 0
    assert found[f"streams.{name}.cls"] > 0


def test_a_complete_night_teaches_everything(net, inputs):
    found = gradients(net, inputs, PRESENT, [0])
    # a bias of keys shifts all scores of a query alike
    assert not {n for n, g in found.items() if not g and not n.endswith("key.bias")}


def test_incomplete_nights_add_to_what_a_modality_learns(net, inputs):
    """The mean over the epochs that have it, whichever nights they are from."""
    output = net(inputs, PRESENT)
    loss = make_loss(alignment=0.0)
    whole = loss(output, {"stages": STAGES, "present": PRESENT})
    fewer = {name: there.clone() for name, there in PRESENT.items()}
    fewer["eeg"][1] = False
    part = loss(output, {"stages": STAGES, "present": fewer})
    eeg = output.logits["eeg"]
    change = entropy_by_hand(eeg, where(PRESENT["eeg"])) - entropy_by_hand(
        eeg, where(fewer["eeg"])
    )
    torch.testing.assert_close(whole - part, change)


@pytest.mark.parametrize("fusion", ["coordinated", "early", "mid-late"])
@pytest.mark.parametrize("multi_view", [1.0, 0.0])
def test_all_kinds_of_nights_are_trained_on(medfuse, make_nights, fusion, multi_view):
    missing = {2: "eog", 3: "eog", 4: "eeg", 5: "eeg"}
    X, y = make_nights(6, stages=3, missing=missing)
    stager = medfuse(fusion=fusion, multi_view=multi_view, max_epochs=12)
    stager.set_params(alignment=0.1 * multi_view, validation_fraction=0).fit(X, y)
    new, truth = make_nights(3, stages=3, seed=1)
    assert stager.score(new, truth) > 0.8
    for name in ("eeg", "eog"):
        assert stager.score(new.select([name]), truth) > 0.5  # chance is 0.33


def test_nights_that_share_no_modality(medfuse, make_nights):
    """Without any complete night the fused head is not trained, the others are."""
    missing = {0: "eog", 1: "eog", 2: "eeg", 3: "eeg"}
    X, y = make_nights(4, stages=3, missing=missing)
    stager = medfuse(max_epochs=6, validation_fraction=0).fit(X, y)
    assert stager.score(X, y) > 0.6  # chance is 0.33
