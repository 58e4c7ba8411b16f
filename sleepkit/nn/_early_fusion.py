"""Early fusion: one transformer for the tokens of all modalities."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import torch
from torch import Tensor

from sleepkit.nn._encoded_epochs import EncodedEpochs
from sleepkit.nn._fusion import (
    CLS,
    SUBSET,
    FusionNet,
    Heads,
    MakeEncoder,
    sum_present,
)
from sleepkit.nn._token_embedding import TokenEmbedding
from sleepkit.nn._transformer import Encoder, take


class EarlyFusionNet(FusionNet):
    """Net whose encoders are shared by all modalities.

    In the joint pass, the input of the inner encoder is the CLS token and the frames of
    one modality behind those of another, and that of the outer one the CLS tokens of
    the epochs of one modality behind those of another; the results of an epoch are
    summed for the fused head. Each modality also goes through the same encoders alone,
    for its own head and for the alignment loss.

    Parameters
    ----------
    modalities : dict of str to tuple of int
        The shape of one epoch of each modality: (n_channels, n_frames, n_bins) of a
        spectrogram, or (n_features,), which count as one frame.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=128
        Size of a token. Frames of another size ``n_channels * n_bins`` are mapped to
        it by a linear layer of their modality; others are tokens as they are.
    n_heads : int, default=8
        Attention heads, each of size ``d_model / n_heads``.
    n_layers : int, default=4
        Layers of each of the two encoders.
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
    MidLateFusionNet : Encoders of each modality's own, and a sum.

    Notes
    -----
    With two modalities the joint pass is ::

        H = inner([CLS_1, X_1 + t_1, CLS_2, X_2 + t_2])
        U = outer([H_CLS1 of all epochs, H_CLS2 of all epochs])
        z = U[first half] + U[second half]

    with trained modality tokens t_m. Relative positions are counted along these rows,
    so that other modalities are mostly `max_relative_distance` away. All modalities of
    the net keep their places, and those that are absent are not attended to: the logits
    from some modalities are those of a net without the others.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import EarlyFusionNet
    >>> net = EarlyFusionNet({"eeg": (4,), "eog": (2,)}, d_model=8, n_heads=2)
    >>> output = net({"eeg": torch.randn(1, 3, 4), "eog": torch.randn(1, 3, 2)})
    >>> {head: tuple(logits.shape) for head, logits in output.logits.items()}
    {'eeg': (1, 3, 5), 'eog': (1, 3, 5), 'fused': (1, 3, 5)}
    """

    def _build(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        d_model: int,
        encoder: MakeEncoder,
    ) -> None:
        """Make two encoders, and a token embedding for each modality."""
        self.inner = encoder(())
        self.outer = encoder(())
        for name, shape in modalities.items():
            self.streams[name] = TokenEmbedding(shape, d_model, modality_token=True)

    def _encoders(self, name: str) -> tuple[Encoder, Encoder]:
        """Inner and outer encoder, shared by all."""
        return self.inner, self.outer

    def _encode_alone(
        self, tokens: dict[str, Tensor], heads: Heads, *, together: bool
    ) -> dict[str, Tensor]:
        """Run each modality alone where a head needs that."""
        places = None if heads is None else CLS
        return {
            name: self.inner(x, places=places)
            for name, x in tokens.items()
            if heads is None or name in heads or SUBSET in heads or not together
        }

    def _encode_together(
        self,
        tokens: dict[str, Tensor],
        frames: dict[str, Tensor],
        present: dict[str, Tensor],
        heads: Heads,
    ) -> dict[str, Tensor]:
        """Run the inner encoder on all modalities, and return the CLS token of each."""
        sizes = {name: self._embedding(name).n_tokens for name in self.streams}
        tokens_present = {
            name: there.reshape(-1, 1).expand(-1, sizes[name])
            for name, there in present.items()
        }
        starts = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
        places = [starts[name] for name in tokens]
        parts = (tokens, tokens_present)
        joint, valid = (self._in_their_places(part, sizes) for part in parts)
        if heads is None:
            cls = take(self.inner(joint, valid), places)
        else:
            cls = self.inner(joint, valid, places=places)
        return {
            name: x.reshape(*present[name].shape, -1)
            for name, x in zip(tokens, cls.unbind(1), strict=True)
        }

    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Run the outer encoder of the joint pass and sum its parts by modality."""
        length = next(iter(present.values())).shape[1]
        sizes = dict.fromkeys(self.streams, length)
        parts = (encoded.multimodal, present)
        joint, valid = (self._in_their_places(part, sizes) for part in parts)
        parts_of = self.outer(joint, valid).split(length, 1)
        by_name = dict(zip(self.streams, parts_of, strict=True))
        return sum_present({name: by_name[name] for name in present}, present)

    def _in_their_places(
        self, given: Mapping[str, Tensor], sizes: Mapping[str, int]
    ) -> Tensor:
        """Lay (batch, n_tokens, ...) of modalities in a row, with zeros for others."""
        like = next(iter(given.values()))
        return torch.cat(
            [
                given[name]
                if name in given
                else like.new_zeros(len(like), size, *like.shape[2:])
                for name, size in sizes.items()
            ],
            1,
        )
