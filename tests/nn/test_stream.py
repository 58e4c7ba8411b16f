"""How epochs become tokens: CLS first, then frame after frame."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn._stream import Stream
from sleepkit.nn._transformer import Encoder


def make_stream(shape, d_model=8):
    return Stream(shape, d_model, Encoder([]), Encoder([]))


@pytest.mark.parametrize(
    ("shape", "size", "n_tokens"),
    [
        ((1, 3, 8), None, 4),
        ((2, 3, 4), None, 4),
        ((2, 3, 8), 16, 4),
        ((3,), 3, 2),
        ((8,), 8, 2),
    ],
)
def test_entry(shape, size, n_tokens):
    """Spectra of d_model values enter as they are, all else by a linear layer."""
    stream = make_stream(shape)
    assert getattr(stream.entry, "in_features", None) == size
    tokens = stream.tokens(torch.randn(2, 5, *shape), torch.ones(2, 5).bool())
    assert tokens.shape == (2 * 5, n_tokens, 8)


def test_frames_hold_all_channels():
    """Token 1 + t is frame t as it is: channels one after the other."""
    shape = (2, 3, 4)
    x = torch.arange(24.0).reshape(1, 1, *shape)
    stream = make_stream(shape)
    tokens = stream.tokens(x, torch.ones(1, 1, dtype=torch.bool))
    assert torch.equal(tokens[0, 0], stream.cls)
    assert tokens[0, 2].tolist() == [4, 5, 6, 7, 16, 17, 18, 19]


def test_cls_starts_standard_normal():
    cls = make_stream((1, 1, 4000), d_model=4000).cls.detach()
    assert cls.mean().item() == pytest.approx(0, abs=0.06)
    assert cls.std().item() == pytest.approx(1, abs=0.05)
