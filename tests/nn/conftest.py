"""What the tests of the networks share."""

from __future__ import annotations

import math

import pytest
import torch


@pytest.fixture(autouse=True)
def torch_seed():
    """Start each test from the same seed, and leave torch's state as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def slow_attention():
    """Attention with relative positions by the formula, one number at a time.

    ``slow_attention(module, asking, asked)`` takes queries and keys of shape
    (batch, n_tokens, d_model) and reads the weights from the module.
    """

    def attend(module, asking, asked):
        rows = zip(asking, asked, strict=True)
        return torch.stack([attend_once(module, *pair) for pair in rows])

    return attend


def attend_once(module, asking, asked):
    d_key = asking.shape[-1] // module.n_heads
    reach = (module.positions.shape[1] - 1) // 2
    queries, keys, values = module.query(asking), module.key(asked), module.value(asked)
    rows = []
    for i in range(len(asking)):
        answer = []
        for head in range(module.n_heads):
            part = slice(head * d_key, (head + 1) * d_key)
            scores = []
            for j in range(len(asked)):
                distance = max(-reach, min(reach, j - i))
                key = keys[j, part] + module.positions[head, distance + reach]
                scores.append(queries[i, part] @ key / math.sqrt(d_key))
            odds = torch.stack(scores).exp()
            answer.append((odds / odds.sum()) @ values[:, part])
        rows.append(module.output(torch.cat(answer)))
    return torch.stack(rows)
