"""Mid-late fusion: a transformer for each modality, and a sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from torch import Tensor

from sleepkit.nn._encoded_epochs import EncodedEpochs
from sleepkit.nn._epoch_attention import EpochAttention, epoch_attention
from sleepkit.nn._fusion import (
    CLS,
    FusionNet,
    Heads,
    MakeEncoder,
    sum_present,
)
from sleepkit.nn._token_embedding import ModalityEncoder
from sleepkit.nn._transformer import Encoder


class MidLateFusionNet(FusionNet):
    """Net with an encoder for each modality, whose results are summed.

    It is `MedFuseNet` without the multimodal pass: modalities meet in the sum of the
    outer encoders' results, the input of the fused head.

    Parameters
    ----------
    modalities : dict of str to tuple of int
        The shape of one epoch of each modality: (n_channels, n_frames, n_bins) of a
        spectrogram, or (n_features,), which count as one frame.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=128
        Size of a token. Frames of another size ``n_channels * n_bins`` are mapped to
        it by a linear layer; others are tokens as they are.
    n_heads : int, default=8
        Attention heads, each of size ``d_model / n_heads``.
    n_layers : int, default=4
        Layers of each encoder.
    dim_feedforward : int, default=1024
        Hidden units of the layers.
    dropout : float, default=0.3
        Probability of dropping out outputs of attention and feed-forward layers, and
        hidden units of feed-forward layers and heads.
    max_relative_distance : int, default=6
        Largest relative position; tokens farther apart share it.
    d_head : int, default=1024
        Hidden units of the two hidden layers of each head.
    min_subset : int, default=None
        Adds a head ``"subset"`` for epochs that lack modalities, which has at least
        so many of them in training: of a net of more than that. None adds none.

    See Also
    --------
    MedFuseNet : Coordinated fusion, with the equations and references.
    EarlyFusionNet : Encoders that all modalities share.

    Notes
    -----
    With u_m the outer encoder's result for modality m alone, and p_m whether an epoch
    has it, the input of the fused head is ``sum_m p_m u_m``.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MidLateFusionNet
    >>> net = MidLateFusionNet({"eeg": (4,), "eog": (2,)}, d_model=8, n_heads=2)
    >>> output = net({"eeg": torch.randn(1, 3, 4), "eog": torch.randn(1, 3, 2)})
    >>> {head: tuple(logits.shape) for head, logits in output.logits.items()}
    {'eeg': (1, 3, 5), 'eog': (1, 3, 5), 'fused': (1, 3, 5)}
    """

    def attention(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
    ) -> EpochAttention:
        """Compute what the inner encoders attend to, for each epoch by itself.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, ...)
            One or more of the modalities, as in `forward`.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Epochs that each modality has; by default, all.

        Returns
        -------
        EpochAttention
            Weights of ``batch * seq`` epochs; without a meaning for a modality where it
            is absent.

        Raises
        ------
        ValueError
            As of `forward`.
        """
        present = self._presence(inputs, present or {})
        encoders = {name: self._encoders(name)[0] for name in present}
        return epoch_attention(
            self, lambda: self.encode(inputs, present), encoders, present
        )

    def _build(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        d_model: int,
        encoder: MakeEncoder,
    ) -> None:
        """Make encoders for each modality."""
        for name, shape in modalities.items():
            others = self._attended_by(name, modalities)
            inner, outer = encoder(others), encoder(others)
            self.streams[name] = ModalityEncoder(shape, d_model, inner, outer)

    def _attended_by(self, name: str, modalities: Iterable[str]) -> list[str]:
        """Modalities whose queries attend to the tokens of one."""
        return []

    def _encoders(self, name: str) -> tuple[Encoder, Encoder]:
        """Inner and outer encoder of the modality."""
        stream = cast("ModalityEncoder", self.streams[name])
        return stream.inner, stream.outer

    def _encode_alone(
        self, tokens: dict[str, Tensor], heads: Heads, *, together: bool
    ) -> dict[str, Tensor]:
        """Run the inner encoders, which all heads need."""
        places = None if heads is None else CLS
        return {n: self._encoders(n)[0](x, places=places) for n, x in tokens.items()}

    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Sum the unimodal results."""
        return sum_present(epochs, present)
