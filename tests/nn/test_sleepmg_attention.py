"""Self-attention over modalities, one number at a time."""

from __future__ import annotations

import math

import pytest
import torch

from sleepkit.nn import SleepMGNet
from sleepkit.nn._sleepmg import SelfAttention

WIDTHS = {"eeg": 6, "eog": 3, "emg": 2}


def blocks_of(n):
    return {name: torch.randn(n, width) for name, width in WIDTHS.items()}


def slow_attention(fusion, blocks, present):
    """The formula, row by row and pair by pair."""
    part, d = fusion.attention, fusion.attention.embed_dim
    (wq, wk, wv), (bq, bk, bv) = (
        x.split(d) for x in (part.in_proj_weight, part.in_proj_bias)
    )
    rows = []
    for i, there in enumerate(present):
        tokens = [fusion.projections[n](block[i]) for n, block in blocks.items()]
        row = []
        for u in range(len(tokens)):
            attended = torch.zeros(d)
            if there[u]:
                odds = {
                    v: math.exp((wq @ tokens[u] + bq) @ (wk @ tokens[v] + bk) / d**0.5)
                    for v in range(len(tokens))
                    if there[v]
                }
                for v, weight in odds.items():
                    attended = attended + weight / sum(odds.values()) * (
                        wv @ tokens[v] + bv
                    )
                attended = part.out_proj(attended)
            row.append(attended)
        rows.append(torch.cat(row))
    return torch.stack(rows)


@pytest.mark.parametrize("training", [True, False])
def test_self_attention_by_the_formula(training):
    fusion = SelfAttention(WIDTHS, d_model=4).train(training)
    blocks = blocks_of(5)
    present = torch.tensor(
        [[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0], [0, 1, 1]]
    ).bool()
    with torch.no_grad():
        expected = slow_attention(fusion, blocks, present)
        torch.testing.assert_close(fusion(blocks, present), expected)
    assert (expected[3] == 0).all()


def test_absent_modalities_do_not_matter():
    net = SleepMGNet({n: (w,) for n, w in WIDTHS.items()}, fusion="attention").eval()
    assert net.stage_head.in_features == 3 * 256
    x = blocks_of(4)
    present = {"eog": torch.zeros(4).bool()}
    alone = net({"eeg": x["eeg"], "emg": x["emg"]})
    hidden = net({**x, "eog": torch.full((4, 3), torch.nan)}, present)
    torch.testing.assert_close(hidden.stage_logits, alone.stage_logits)
    blocks = dict(zip(WIDTHS, hidden.features.split(256, dim=1), strict=True))
    assert (blocks["eog"] == 0).all()
    with_it = net(x).stage_logits
    assert not torch.allclose(with_it, alone.stage_logits)


def test_rows_without_anything_have_gradients_that_are_numbers():
    net = SleepMGNet({n: (w,) for n, w in WIDTHS.items()}, fusion="attention")
    none = {name: torch.tensor([True, False]) for name in WIDTHS}
    output = net(blocks_of(2), none)
    output.stage_logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())
