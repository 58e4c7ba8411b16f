"""Early fusion: one transformer for the tokens of all modalities."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import torch
from torch import Tensor

from sleepkit.nn._fusion import (
    CLS,
    FUSED,
    EncodedEpochs,
    FusionNet,
    MakeEncoder,
    Views,
    first_tokens,
    total,
)
from sleepkit.nn._stream import Entrance
from sleepkit.nn._transformer import Encoder, pick


class EarlyFusionNet(FusionNet):
    """Stage epochs by encoders that all modalities share, together or one by one.

    In the joint pass, the inner encoder sees the CLS token and the frames of one
    modality behind those of another, and the outer one the CLS tokens of the epochs of
    one modality behind those of another; the results of an epoch are summed for the
    fused head. Each modality also goes through the same encoders alone, for its own
    head and for the alignment loss.

    Parameters
    ----------
    modalities : dict of str to tuple of int
        The shape of one epoch of each modality: (n_channels, n_frames, n_bins) of a
        spectrogram, or (n_features,), which count as one frame.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=128
        Size of a token. Frames whose ``n_channels * n_bins`` is another enter through
        a linear layer of their modality; others enter as they are.
    n_heads : int, default=8
        Attention heads; they share out `d_model`.
    n_layers : int, default=4
        Layers of each of the two encoders.
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
    MidLateFusionNet : Encoders of each modality's own, and a sum.

    Notes
    -----
    With two modalities the joint pass is ::

        H = inner([CLS_1, X_1 + t_1, CLS_2, X_2 + t_2])
        U = outer([H_CLS1 of all epochs, H_CLS2 of all epochs])
        z = U[first half] + U[second half]

    with learnt modality tokens t_m. Relative positions are counted along these rows, so
    that other modalities are mostly `max_relative_distance` away. All modalities of the
    net keep their places, and those that are absent are not looked at: what is said of
    some modalities is what would be said if there were no others.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import EarlyFusionNet
    >>> net = EarlyFusionNet({"eeg": (4,), "eog": (2,)}, d_model=8, n_heads=2)
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
        """Make two encoders, and an entrance for each modality."""
        self.inner = encoder(())
        self.outer = encoder(())
        for name, shape in modalities.items():
            self.streams[name] = Entrance(shape, d_model, marked=True)

    def _encoders(self, name: str) -> tuple[Encoder, Encoder]:
        """Give the two that there are."""
        return self.inner, self.outer

    def _encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], views: Views
    ) -> EncodedEpochs:
        """Run each modality alone where a view needs that, and all together."""
        fused = len(tokens) > 1 and (views is None or FUSED in views)
        read = None if views is None else CLS
        alone = {
            name: first_tokens(self.inner(x, read=read), present[name])
            for name, x in tokens.items()
            if views is None or name in views or not fused
        }
        together = self._encode_jointly(tokens, present, views) if fused else {}
        return EncodedEpochs(alone, together)

    def _encode_jointly(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], views: Views
    ) -> dict[str, Tensor]:
        """Run the inner encoder on all modalities, and take the CLS token of each."""
        sizes = {name: self._entrance(name).n_tokens for name in self.streams}
        seen = {n: p.reshape(-1, 1).expand(-1, sizes[n]) for n, p in present.items()}
        starts = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
        places = [starts[name] for name in tokens]
        joint, valid = (self._in_their_places(part, sizes) for part in (tokens, seen))
        if views is None:
            heard = pick(self.inner(joint, valid), places)
        else:
            heard = self.inner(joint, valid, read=places)
        return {
            name: x.reshape(*present[name].shape, -1)
            for name, x in zip(tokens, heard.unbind(1), strict=True)
        }

    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Go on with the joint pass and sum the modalities' parts of it."""
        length = next(iter(present.values())).shape[1]
        sizes = dict.fromkeys(self.streams, length)
        parts = (encoded.together, present)
        joint, valid = (self._in_their_places(part, sizes) for part in parts)
        named = dict(
            zip(self.streams, self.outer(joint, valid).split(length, 1), strict=True)
        )
        return total({name: named[name] for name in present}, present)

    def _in_their_places(
        self, given: Mapping[str, Tensor], sizes: Mapping[str, int]
    ) -> Tensor:
        """Put (batch, n_tokens, ...) of all modalities in a row; others are zeros."""
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
