"""How the features of the modalities become what the heads read."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Concatenation(nn.Module):
    """Lay the features of the modalities side by side; absent ones are zero."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.widths = dict(widths)

    def forward(self, blocks: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """Fuse blocks of (batch, width); `present` is (batch, n_modalities)."""
        return torch.cat([blocks[name] for name in self.widths], dim=1)


class SelfAttention(nn.Module):
    """Let each modality look at all that are present, itself included.

    With a token z_u = W_u f_u for each modality, the block of a modality is
    ``sum_v softmax_v(q_u . k_v / sqrt(d)) v_v``, through an output layer. Absent
    modalities are not looked at, and their blocks are zero.
    """

    def __init__(self, widths: Mapping[str, int], d_model: int = 256) -> None:
        super().__init__()
        self.entries = nn.ModuleDict(
            {name: nn.Linear(width, d_model) for name, width in widths.items()}
        )
        self.attention = nn.MultiheadAttention(d_model, 1, batch_first=True)
        self.widths = dict.fromkeys(widths, d_model)

    def forward(self, blocks: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """Fuse blocks of (batch, width); `present` is (batch, n_modalities)."""
        tokens = torch.stack(
            [entry(blocks[name]) for name, entry in self.entries.items()], dim=1
        )
        # a row without any modality looks at all of them: no softmax over nothing
        hidden = ~present & present.any(1, keepdim=True)
        seen: Tensor = self.attention(
            tokens, tokens, tokens, key_padding_mask=hidden, need_weights=False
        )[0]
        return seen.masked_fill(~present[..., None], 0).flatten(1)
