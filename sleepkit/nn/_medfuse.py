"""MedFuseSleep: a transformer for each modality, and cross-modal attention."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from sleepkit.nn._encoded_epochs import EncodedEpochs
from sleepkit.nn._fusion import (
    CLS,
    Heads,
    cls_tokens,
    sum_present,
)
from sleepkit.nn._mid_late_fusion import MidLateFusionNet
from sleepkit.nn._transformer import queries_for


class MedFuseNet(MidLateFusionNet):
    """Net of MedFuseSleep: stages sequences of epochs from any subset of modalities.

    Each modality has an inner encoder, which sums up the frames of an epoch in a CLS
    token, and an outer encoder over the CLS tokens of the epochs in sequence.
    They run twice. The unimodal pass depends on one modality alone. In the multimodal
    pass the same layers also compute cross-modal attention, whose queries are the other
    modalities' tokens of the unimodal pass; its results are summed. Each modality and
    the sum have a head of their own.

    Parameters
    ----------
    modalities : dict of str to tuple of int
        The shape of one epoch of each modality: (n_channels, n_frames, n_bins) of a
        spectrogram, or (n_features,), which count as one frame.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=128
        Size of a token. Frames of another size ``n_channels * n_bins`` are mapped to
        it by a linear layer; others, as in the paper, are tokens as they are.
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

    Raises
    ------
    ValueError
        If the name or the shape of a modality is not allowed, or `n_heads` does not
        divide `d_model`.

    See Also
    --------
    MidLateFusionNet : The same without the multimodal pass.
    EarlyFusionNet : Encoders that all modalities share.

    Notes
    -----
    The architecture is that of [1]_ and [2]_. Relative positions are on the keys, for
    each head and layer (Shaw et al. 2018). In eq. 6 of [1]_, CA(Z1 -> Z2), Z1 is the
    stream that continues: keys, values and residual are its own, and the queries are
    the other modality's final tokens of the unimodal pass.

    Three rules are ours. Of more than two modalities, a stream sums its attention to
    the queries of all the others. The query of a modality with another number of frames
    is its CLS token alone, and the result is added to every token. And where a modality
    is missing, it has no queries and is not attended to: where nothing else is present,
    the multimodal pass is the unimodal one, and the fused head is a second opinion.

    References
    ----------
    .. [1] Whitlow, Nasir and Deslauriers (2025). Generalizable and resilient
       multimodal temporal learning. doi:10.20944/preprints202507.0011.v1
    .. [2] Kontras et al. (2024). CoRe-Sleep: A multimodal fusion framework for time
       series robust to imperfect modalities. IEEE Transactions on Neural Systems and
       Rehabilitation Engineering 32.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MedFuseNet
    >>> shapes = {"eeg": (1, 29, 128), "eog": (1, 29, 128)}
    >>> net = MedFuseNet(shapes, n_layers=1, dim_feedforward=32, d_head=32).eval()
    >>> inputs = {name: torch.randn(2, 21, *shape) for name, shape in shapes.items()}
    >>> output = net(inputs)
    >>> {head: tuple(logits.shape) for head, logits in output.logits.items()}
    {'eeg': (2, 21, 5), 'eog': (2, 21, 5), 'fused': (2, 21, 5)}
    >>> alone = net({"eeg": inputs["eeg"]})  # as if there were no EOG
    >>> torch.equal(alone.logits["eeg"], output.logits["eeg"])
    True
    """

    def _attended_by(self, name: str, modalities: Iterable[str]) -> list[str]:
        """All other modalities."""
        return [other for other in modalities if other != name]

    def _encode_alone(
        self, tokens: dict[str, Tensor], heads: Heads, *, together: bool
    ) -> dict[str, Tensor]:
        """Run the inner encoders; all frames are queries of the multimodal pass."""
        return super()._encode_alone(
            tokens, None if together else heads, together=together
        )

    def _encode_together(
        self,
        tokens: dict[str, Tensor],
        frames: dict[str, Tensor],
        present: dict[str, Tensor],
        heads: Heads,
    ) -> dict[str, Tensor]:
        """Run the inner encoders with the frames of the unimodal pass as queries."""
        multimodal = {}
        places = None if heads is None else CLS
        for name, x in tokens.items():
            queries = queries_for(name, frames, present)
            encoded = self._encoders(name)[0](x, None, queries, places)
            multimodal[name] = cls_tokens(encoded, present[name])
        return multimodal

    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Go on with the multimodal pass and sum the streams."""
        streams = {}
        for name, x in encoded.multimodal.items():
            queries = queries_for(name, epochs, present)
            streams[name] = self._encoders(name)[1](x, present[name], queries)
        return sum_present(streams, present)
