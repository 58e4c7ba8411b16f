"""MedFuseSleep: a transformer for each modality, and attention between them."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from sleepkit.nn._fusion import (
    CLS,
    FUSED,
    EncodedEpochs,
    Views,
    first_tokens,
    total,
)
from sleepkit.nn._mid_late_fusion import MidLateFusionNet
from sleepkit.nn._transformer import questions_for


class MedFuseNet(MidLateFusionNet):
    """Stage sequences of epochs from any subset of a few modalities.

    Each modality has an inner encoder, which sums up the frames of an epoch in a CLS
    token, and an outer encoder over the CLS tokens of the epochs in sequence.
    They run twice. The unimodal pass hears one modality alone. In the multimodal pass
    the same layers answer, by cross-modal attention, to what the unimodal pass of the
    other modalities found; its results are summed to the fused one. Each modality and
    the sum have a head of their own.

    Parameters
    ----------
    modalities : dict of str to tuple of int
        The shape of one epoch of each modality: (n_channels, n_frames, n_bins) of a
        spectrogram, or (n_features,), which count as one frame.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=128
        Size of a token. Frames whose ``n_channels * n_bins`` is another enter through
        a linear layer; others, as in the paper, enter as they are.
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

    Raises
    ------
    ValueError
        If a modality has a name or a shape that cannot be, or `n_heads` does not
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

    Three rules are ours. Of more than two modalities, a stream sums its answers to all
    the others. A modality with another number of frames asks by its CLS token alone,
    and the answer goes to every token. And where a modality is missing, it is neither
    looked at nor does it ask: where nothing else is present, the multimodal pass is
    the unimodal one, and the fused head is a second opinion on that.

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
    >>> {view: tuple(logits.shape) for view, logits in output.logits.items()}
    {'eeg': (2, 21, 5), 'eog': (2, 21, 5), 'fused': (2, 21, 5)}
    >>> alone = net({"eeg": inputs["eeg"]})  # as if there were no EOG
    >>> torch.equal(alone.logits["eeg"], output.logits["eeg"])
    True
    """

    def _heard_by(self, name: str, modalities: Iterable[str]) -> list[str]:
        """All others ask."""
        return [other for other in modalities if other != name]

    def _encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], views: Views
    ) -> EncodedEpochs:
        """Run the unimodal pass, and the multimodal one, which asks by its frames."""
        if len(tokens) == 1 or (views is not None and FUSED not in views):
            return super()._encode(tokens, present, views)
        frames = {name: self._encoders(name)[0](x) for name, x in tokens.items()}
        read = None if views is None else CLS
        together = {}
        for name, x in tokens.items():
            asked = questions_for(name, frames, present)
            heard = self._encoders(name)[0](x, None, asked, read)
            together[name] = first_tokens(heard, present[name])
        alone = {name: first_tokens(x, present[name]) for name, x in frames.items()}
        return EncodedEpochs(alone, together)

    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Go on with the multimodal pass and sum the streams."""
        streams = {}
        for name, x in encoded.together.items():
            asked = questions_for(name, epochs, present)
            streams[name] = self._encoders(name)[1](x, present[name], asked)
        return total(streams, present)
