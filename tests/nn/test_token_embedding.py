"""Tokens of epochs: CLS first, then frame after frame."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn._token_embedding import ModalityEncoder, TokenEmbedding
from sleepkit.nn._transformer import Encoder


def make_encoder(shape, d_model=8):
    return ModalityEncoder(shape, d_model, Encoder([]), Encoder([]))


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
def test_projection(shape, size, n_tokens):
    """Spectra of d_model values are tokens, others are mapped by a linear layer."""
    encoder = make_encoder(shape)
    assert getattr(encoder.projection, "in_features", None) == size
    tokens = encoder.tokens(torch.randn(2, 5, *shape), torch.ones(2, 5).bool())
    assert tokens.shape == (2 * 5, n_tokens, 8)


def test_frames_hold_all_channels():
    """Token 1 + t is frame t as it is: channels one after the other."""
    shape = (2, 3, 4)
    x = torch.arange(24.0).reshape(1, 1, *shape)
    encoder = make_encoder(shape)
    tokens = encoder.tokens(x, torch.ones(1, 1, dtype=torch.bool))
    assert torch.equal(tokens[0, 0], encoder.cls)
    assert tokens[0, 2].tolist() == [4, 5, 6, 7, 16, 17, 18, 19]


def test_cls_starts_standard_normal():
    cls = make_encoder((1, 1, 4000), d_model=4000).cls.detach()
    assert cls.mean().item() == pytest.approx(0, abs=0.06)
    assert cls.std().item() == pytest.approx(1, abs=0.05)


def test_modality_token_is_added_to_frames():
    embedding = TokenEmbedding((1, 3, 8), 8, modality_token=True)
    x, present = torch.randn(2, 5, 1, 3, 8), torch.ones(2, 5, dtype=torch.bool)
    tokens = embedding.tokens(x, present)
    frames = x.flatten(0, 1)[:, 0] + embedding.modality_token
    torch.testing.assert_close(tokens[:, 1:], frames)
    torch.testing.assert_close(tokens[:, 0], embedding.cls.expand(10, 8))
