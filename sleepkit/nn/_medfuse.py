"""MedFuseSleep: a transformer for each modality, and attention between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sleepkit.nn._stream import Stream
from sleepkit.nn._transformer import Encoder, FusionLayer, questions_for


class MedFuseOutput(NamedTuple):
    """What `MedFuseNet` says about every epoch of a batch of sequences.

    Attributes
    ----------
    logits : dict of Tensor, shape (batch, seq, n_classes)
        One entry for each modality that was given and, of two or more, ``"fused"``.
    embeddings : dict of Tensor, shape (batch, seq, d_model)
        The CLS tokens after the inner encoder of the unimodal pass, which
        `alignment_loss` compares, for each modality that was given.
    """

    logits: dict[str, Tensor]
    embeddings: dict[str, Tensor]


class MedFuseNet(nn.Module):
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
    the unimodal one, so fused logits mean something where two or more are present.

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
    >>> alone = net({"eeg": inputs["eeg"]})
    >>> torch.equal(alone.logits["eeg"], output.logits["eeg"])
    True
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        d_model: int = 128,
        n_heads: int = 8,
        n_layers: int = 4,
        dim_feedforward: int = 1024,
        dropout: float = 0.3,
        max_relative_distance: int = 6,
        d_head: int = 1024,
    ) -> None:
        super().__init__()
        _check_names(modalities)
        self.streams = nn.ModuleDict()
        for name, shape in modalities.items():
            layer = partial(
                FusionLayer,
                [other for other in modalities if other != name],
                d_model,
                n_heads,
                dim_feedforward,
                dropout,
                max_relative_distance,
            )
            inner = Encoder(layer() for _ in range(n_layers))
            outer = Encoder(layer() for _ in range(n_layers))
            self.streams[name] = Stream(shape, d_model, inner, outer)
        views = [*modalities, "fused"] if len(modalities) > 1 else list(modalities)
        head = _head(d_model, d_head, n_classes, dropout)
        self.heads = nn.ModuleDict({view: deepcopy(head) for view in views})

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
    ) -> MedFuseOutput:
        """Stage every epoch, by each modality alone and by all that are given.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, ...)
            One or more of the modalities. Values where a modality is absent do not
            matter and may be NaN.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Which epochs each modality has; all, where it is not named. Short sequences
            are padded by epochs of which nothing is present.

        Returns
        -------
        MedFuseOutput
            Logits and embeddings, finite also where nothing is present. What they say
            of one modality depends on that modality alone.

        Raises
        ------
        ValueError
            If no modality is given, an unknown one, or one of another shape.
        """
        there = self._presence(inputs, present or {})
        tokens = {m: self._stream(m).tokens(inputs[m], there[m]) for m in there}
        frames = {m: self._stream(m).inner(tokens[m]) for m in there}
        embeddings = {m: _first(frames[m], there[m]) for m in there}
        epochs = {m: self._stream(m).outer(embeddings[m], there[m]) for m in there}
        logits = {m: self.heads[m](epochs[m]) for m in there}
        if len(there) > 1:
            fused = self._fuse(tokens, frames, epochs, there)
            logits["fused"] = self.heads["fused"](fused)
        return MedFuseOutput(logits, embeddings)

    def _fuse(
        self,
        tokens: dict[str, Tensor],
        frames: dict[str, Tensor],
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Run the multimodal pass and sum the streams: (batch, seq, d_model)."""
        streams = []
        for name, there in present.items():
            stream = self._stream(name)
            asked = questions_for(name, frames, present)
            inner = _first(stream.inner(tokens[name], None, asked), there)
            asked = questions_for(name, epochs, present)
            outer = stream.outer(inner, there, asked)
            streams.append(outer.masked_fill(~there[..., None], 0))
        return torch.stack(streams).sum(0)

    def _presence(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Name the modalities given, in the net's order, with their epochs."""
        if not inputs or set(inputs) - set(self.streams):
            known, given = ", ".join(self.streams), ", ".join(inputs) or "none"
            msg = f"MedFuseNet needs one or more of {known}; got {given}."
            raise ValueError(msg)
        batch_and_seq = next(iter(inputs.values())).shape[:2]
        for name, x in inputs.items():
            expected = (*batch_and_seq, *self._stream(name).shape)
            if x.shape != expected:
                msg = (
                    f"MedFuseNet needs {name!r} of shape (batch, seq, *epoch) = "
                    f"{expected}; got {tuple(x.shape)}."
                )
                raise ValueError(msg)
        everywhere = x.new_ones(batch_and_seq, dtype=torch.bool)
        return {m: present.get(m, everywhere) for m in self.streams if m in inputs}

    def _stream(self, name: str) -> Stream:
        """Look up the stream of a modality."""
        return cast("Stream", self.streams[name])


def _first(tokens: Tensor, like: Tensor) -> Tensor:
    """Take the CLS tokens: (batch * seq, n_tokens, dim) -> (batch, seq, dim)."""
    return tokens[:, 0].reshape(*like.shape, -1)


def _head(d_model: int, d_head: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Two hidden layers and one logit for each stage."""
    return nn.Sequential(
        nn.Linear(d_model, d_head),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(d_head, d_head),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(d_head, n_classes),
    )


def _check_names(names: Iterable[str]) -> None:
    """Refuse names that mean something else here or to torch."""
    for name in names:
        if not name or "." in name or name == "fused":
            msg = (
                "The name of a modality of MedFuseNet must not be empty, hold a dot "
                f"or be 'fused'; got {name!r}."
            )
            raise ValueError(msg)
