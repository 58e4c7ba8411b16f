"""Mid-late fusion: a transformer for each modality, summed at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from torch import Tensor

from sleepkit.nn._fusion import (
    CLS,
    EncodedEpochs,
    FusionNet,
    MakeEncoder,
    Views,
    first_tokens,
    total,
)
from sleepkit.nn._stream import Stream
from sleepkit.nn._transformer import Encoder


class MidLateFusionNet(FusionNet):
    """Stage epochs from the sum of what each modality's own encoders found.

    It is `MedFuseNet` without the multimodal pass: no modality hears another before
    the sum of the outer encoders' results, which the fused head sees.

    Parameters
    ----------
    modalities : dict of str to tuple of int
        The shape of one epoch of each modality: (n_channels, n_frames, n_bins) of a
        spectrogram, or (n_features,), which count as one frame.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=128
        Size of a token. Frames whose ``n_channels * n_bins`` is another enter through
        a linear layer; others enter as they are.
    n_heads : int, default=8
        Attention heads; they share out `d_model`.
    n_layers : int, default=4
        Layers of each encoder.
    dim_feedforward : int, default=1024
        Hidden units of the layers.
    dropout : float, default=0.3
        Probability of dropping out what attention and feed-forward layers give, and
        the hidden units of feed-forward layers and heads.
    max_relative_distance : int, default=6
        Tokens farther apart than this count as this far.
    d_head : int, default=1024
        Hidden units of the two hidden layers of each head.

    See Also
    --------
    MedFuseNet : Coordinated fusion, with the equations and references.
    EarlyFusionNet : Encoders that all modalities share.

    Notes
    -----
    With u_m the outer encoder's result for modality m alone, and p_m whether an epoch
    has it, the fused head sees ``sum_m p_m u_m``.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MidLateFusionNet
    >>> net = MidLateFusionNet({"eeg": (4,), "eog": (2,)}, d_model=8, n_heads=2)
    >>> output = net({"eeg": torch.randn(1, 3, 4), "eog": torch.randn(1, 3, 2)})
    >>> {view: tuple(logits.shape) for view, logits in output.logits.items()}
    {'eeg': (1, 3, 5), 'eog': (1, 3, 5), 'fused': (1, 3, 5)}
    """

    def _build(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        d_model: int,
        encoder: MakeEncoder,
    ) -> None:
        """Give each modality encoders of its own."""
        for name, shape in modalities.items():
            others = self._heard_by(name, modalities)
            inner, outer = encoder(others), encoder(others)
            self.streams[name] = Stream(shape, d_model, inner, outer)

    def _heard_by(self, name: str, modalities: Iterable[str]) -> list[str]:
        """List the modalities that the encoders of one listen to."""
        return []

    def _encoders(self, name: str) -> tuple[Encoder, Encoder]:
        """Give the modality's own."""
        stream = cast("Stream", self.streams[name])
        return stream.inner, stream.outer

    def _encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], views: Views
    ) -> EncodedEpochs:
        """Run the unimodal pass, which all views need."""
        read = None if views is None else CLS
        frames = {n: self._encoders(n)[0](x, read=read) for n, x in tokens.items()}
        alone = {name: first_tokens(x, present[name]) for name, x in frames.items()}
        return EncodedEpochs(alone, {})

    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Sum the unimodal results."""
        return total(epochs, present)
