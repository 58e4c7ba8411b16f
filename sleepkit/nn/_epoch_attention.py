"""Attention weights within epochs, recorded while they are encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from sleepkit.nn._attention import RelativeAttention
from sleepkit.nn._transformer import Encoder, FusionLayer

Recorded = dict[nn.Module, list[Tensor]]  # weights of each call, by module


class EpochAttention(NamedTuple):
    """What a net attends to within epochs: frames of each modality.

    Tokens are the CLS token, which stands for the epoch, and the frames after it. All
    weights are those of the pass of all modalities that were given; what a modality
    attends to alone is found by giving it alone. A net holds them as tensors, a
    classifier as arrays, with NaN where a modality is missing.

    Attributes
    ----------
    frames : dict of Tensor, shape (n_epochs, n_frames)
        For each modality, how far its CLS token depends on each of its frames, by
        attention rollout through all layers; the sum over the frames is 1.
    own : dict of Tensor, shape (n_epochs, n_layers, n_heads, n_tokens, n_tokens)
        Self-attention of each modality: weights of its tokens (last axis) for each of
        its tokens. They sum to 1.
    cross : dict of dict of Tensor, shape (n_epochs, n_layers, n_heads, n_queries, \
n_tokens)
        ``cross[name][other]`` is the cross-modal attention to the tokens of a modality
        (last axis) by queries of another one: its tokens, or its CLS token alone where
        it has another number of frames. The weights sum to 1.

    Notes
    -----
    Rollout [1]_ multiplies the mean weights of the heads over the layers, from the last
    to the first, each averaged with the identity for the residual connection. Here a
    layer with cross-modal attention counts as two: self-attention, and then the mean
    over the other modalities. It leaves out what values and feed-forward layers do, so
    it shows where a net looks, and not why it decides.

    References
    ----------
    .. [1] Abnar and Zuidema (2020). Quantifying attention flow in transformers. ACL.
    """

    frames: dict[str, Any]
    own: dict[str, Any]
    cross: dict[str, dict[str, Any]]


@contextmanager
def recorded_weights(module: nn.Module) -> Iterator[Recorded]:
    """Record the weights of each attention in a module, call by call."""
    recorded: Recorded = {}

    def record(attention: nn.Module, inputs: tuple[Any, ...], _: Tensor) -> None:
        of_call = attention.weights(*inputs)  # type: ignore[operator]
        recorded.setdefault(attention, []).append(of_call)

    kinds = (each for each in module.modules() if isinstance(each, RelativeAttention))
    hooks = [attention.register_forward_hook(record) for attention in kinds]
    try:
        yield recorded
    finally:
        for hook in hooks:
            hook.remove()


def epoch_attention(
    net: nn.Module,
    encode: Callable[[], Any],
    encoders: Mapping[str, Encoder],
    present: Mapping[str, Tensor],
) -> EpochAttention:
    """Attention of inner encoders in the last pass of `encode`.

    `present` is (batch, seq); what is recorded has a row for each epoch.
    """
    with torch.no_grad(), recorded_weights(net) as recorded:
        encode()
    own: dict[str, Tensor] = {}
    cross: dict[str, dict[str, Tensor]] = {}
    frames: dict[str, Tensor] = {}
    there = {name: epochs.flatten() for name, epochs in present.items()}
    for name, encoder in encoders.items():
        layers = [cast("FusionLayer", layer) for layer in encoder.layers]
        own[name] = torch.stack([recorded[layer.attention][-1] for layer in layers], 1)
        cross[name] = {
            other: torch.stack(
                [recorded[layer.cross[other]][-1] for layer in layers], 1
            )
            for other in layers[0].cross
            if other in encoders
        }
        steps = [own[name]]
        if cross[name]:
            steps.append(_mean_of_others(cross[name], there, own[name].shape[-1]))
        frames[name] = rollout(steps)
    return EpochAttention(frames, own, cross)


def rollout(steps: Sequence[Tensor]) -> Tensor:
    """Shares of the frames in the CLS token after the last layer, (n_epochs, n_frames).

    Steps of a layer follow each other; each has the weights of all layers, (n_epochs,
    n_layers, n_heads, n_tokens, n_tokens).
    """
    identity = torch.eye(steps[0].shape[-1]).to(steps[0])
    mixed = identity[:1].expand(len(steps[0]), 1, -1)
    for layer in reversed(range(steps[0].shape[1])):
        for weights in reversed(steps):
            mixed = mixed @ (weights[:, layer].mean(1) + identity) / 2
    frames = mixed[:, 0, 1:]
    return frames / frames.sum(-1, keepdim=True)


def _mean_of_others(
    cross: Mapping[str, Tensor], there: Mapping[str, Tensor], n_tokens: int
) -> Tensor:
    """Mean of the cross-modal weights of those present; the identity where none is."""
    masks = [there[other].view(-1, 1, 1, 1, 1) for other in cross]
    total = sum(
        weights.expand(-1, -1, -1, n_tokens, -1) * mask
        for weights, mask in zip(cross.values(), masks, strict=True)
    )
    count = torch.stack(masks).sum(0)
    alone = torch.eye(n_tokens).to(total) * (count == 0)
    return total / count.clamp(min=1) + alone
