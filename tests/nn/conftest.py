"""What the tests of the networks share.

Fixtures
--------
slow_attention : attention by the formula, one number at a time
make_fusion : a factory of small nets of MedFuseSleep
make_inputs : a factory of inputs for such a net, two sequences of five epochs
encode_by_hand : post-norm layers on one sequence
fast_paths_for_small_inputs : the fast paths at the size of tests
"""

from __future__ import annotations

import math

import pytest
import torch

from sleepkit.nn._cpu import _dropout, _linear


@pytest.fixture(autouse=True)
def torch_seed():
    """Start each test from the same seed, and leave torch's state as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def slow_attention():
    """Attention with relative positions by the formula, one number at a time.

    ``slow_attention(module, query, key_value)`` takes queries and keys of shape
    (batch, n_tokens, d_model) and reads the weights from the module.
    """

    def attend(module, query, key_value):
        rows = zip(query, key_value, strict=True)
        return torch.stack([attend_once(module, *pair) for pair in rows])

    return attend


def attend_once(module, query, key_value):
    d_key = query.shape[-1] // module.n_heads
    reach = (module.positions.shape[1] - 1) // 2
    queries, keys, values = (
        module.query(query),
        module.key(key_value),
        module.value(key_value),
    )
    rows = []
    for i in range(len(query)):
        attended = []
        for head in range(module.n_heads):
            part = slice(head * d_key, (head + 1) * d_key)
            scores = []
            for j in range(len(key_value)):
                distance = max(-reach, min(reach, j - i))
                key = keys[j, part] + module.positions[head, distance + reach]
                scores.append(queries[i, part] @ key / math.sqrt(d_key))
            odds = torch.stack(scores).exp()
            attended.append((odds / odds.sum()) @ values[:, part])
        rows.append(module.output(torch.cat(attended)))
    return torch.stack(rows)


BATCH, SEQ = 2, 5
SPECTRUM = (1, 3, 8)
SMALL = {"d_model": 8, "n_heads": 2, "n_layers": 2}
SMALL |= {"dim_feedforward": 12, "d_head": 10, "max_relative_distance": 2}


@pytest.fixture
def make_fusion():
    """A factory of small nets: ``make_fusion(MedFuseNet, ["eeg", "eog"])``."""

    def make(kind, modalities=("eeg", "eog"), **parameters):
        if not isinstance(modalities, dict):
            modalities = dict.fromkeys(modalities, SPECTRUM)
        return kind(modalities, **SMALL | parameters).eval()

    return make


@pytest.fixture
def make_inputs():
    """A factory of inputs for a net: two sequences of five epochs."""

    def make(net, dtype=torch.float32):
        return {
            name: torch.randn(BATCH, SEQ, *stream.shape, dtype=dtype)
            for name, stream in net.streams.items()
        }

    return make


@pytest.fixture
def encode_by_hand():
    """Post-norm layers on one sequence: ``encode_by_hand(encoder, x, query)``."""

    def encode(encoder, x, query=None):
        for layer in encoder.layers:
            x = layer_by_hand(layer, x, query)
        return x

    return encode


def layer_by_hand(layer, x, query):
    x = x[None]
    x = layer.attention_norm(x + layer.attention(x, x, None))
    if query is not None:
        (cross,) = layer.cross.values()
        x = layer.cross_norm(x + cross(query[None], x, None))
    return layer.feedforward_norm(x + layer.feedforward(x))[0]


@pytest.fixture
def fast_paths_for_small_inputs(monkeypatch):
    """Inputs of the size of tests take the fast paths too."""
    monkeypatch.setattr(_linear, "_LEAST_WORK", 1)
    monkeypatch.setattr(_dropout, "_LEAST_VALUES", 1)
