"""Base of the nets that fuse modalities: embeddings, heads, any subset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from copy import deepcopy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._encoded_epochs import EncodedEpochs
from sleepkit.nn._random_subset import random_subset
from sleepkit.nn._token_embedding import TokenEmbedding
from sleepkit.nn._transformer import Encoder, FusionLayer
from sleepkit.utils import check_count

FUSED = "fused"
SUBSET = "subset"
CLS = (0,)  # places of the tokens that represent an epoch
MakeEncoder = Callable[[Iterable[str]], Encoder]  # takes the modalities with queries
Heads = Collection[str] | None  # whose logits are computed; None: all


class MedFuseOutput(NamedTuple):
    """Output of `MedFuseNet`, `EarlyFusionNet` and `MidLateFusionNet`.

    Attributes
    ----------
    logits : dict of Tensor, shape (batch, seq, n_classes)
        Logits of each head: one for each modality that was given and, of a net of two
        or more, ``"fused"``; and ``"subset"``, of a net with that head.
    embeddings : dict of Tensor, shape (batch, seq, d_model)
        The CLS tokens after the inner encoder of the unimodal pass, which
        `alignment_loss` compares, for each modality that was given.
    """

    logits: dict[str, Tensor]
    embeddings: dict[str, Tensor]


class FusionNet(nn.Module, ABC):
    """Stage sequences of epochs from any subset of a few modalities.

    Inner encoders attend to the frames of one epoch (`encode`), outer ones to the
    epochs of a sequence (`decode`). Subclasses define the encoders of a modality and
    the input of the fused head where several modalities are given. Where one is, that
    is its unimodal pass.

    The fused head of a net that is trained on complete epochs has seen no subset of
    several modalities. A subset head, where there is one, stages an epoch by what the
    modalities that it has give alone and together; in training, by a random part of the
    modalities of each sequence. Its gradients and random numbers end there: what else
    is trained stays the same with it and without.
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
        min_subset: int | None = None,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self._check_names(modalities)
        if min_subset is not None:
            check_count("min_subset", min_subset, owner=owner)
        self.min_subset = min_subset
        sizes = (d_model, n_heads, dim_feedforward, dropout, max_relative_distance)

        def encoder(others: Iterable[str]) -> Encoder:
            return Encoder(FusionLayer(others, *sizes) for _ in range(n_layers))

        self.streams = nn.ModuleDict()
        self._build(modalities, d_model, encoder)
        names = [*modalities, FUSED] if len(modalities) > 1 else list(modalities)
        head = _head(d_model, d_head, n_classes, dropout)
        self.heads = nn.ModuleDict({name: deepcopy(head) for name in names})
        if min_subset is not None and len(modalities) > min_subset:
            n_inputs = len(modalities) * (d_model + 1) + d_model
            with torch.random.fork_rng(devices=[]):
                self.heads[SUBSET] = _head(n_inputs, d_head, n_classes, dropout)

    @abstractmethod
    def _build(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        d_model: int,
        encoder: MakeEncoder,
    ) -> None:
        """Fill `streams`, in the order of the modalities, and make the encoders."""

    @abstractmethod
    def _encoders(self, name: str) -> tuple[Encoder, Encoder]:
        """Inner and outer encoder of a modality."""

    @abstractmethod
    def _encode_alone(
        self, tokens: dict[str, Tensor], heads: Heads, *, together: bool
    ) -> dict[str, Tensor]:
        """Run the inner encoders of the unimodal pass, where they are needed.

        Tokens are (batch * seq, n_tokens, d_model). Where `heads` are given, CLS tokens
        alone are returned unless the multimodal pass, `together`, needs all of them.
        """

    def _encode_together(
        self,
        tokens: dict[str, Tensor],
        frames: dict[str, Tensor],
        present: dict[str, Tensor],
        heads: Heads,
    ) -> dict[str, Tensor]:
        """CLS tokens of the multimodal pass, (batch, seq, d_model), if there is one.

        `frames` are what the unimodal pass made of the tokens.
        """
        return {}

    @abstractmethod
    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Input of the fused head from several modalities: (batch, seq, d_model).

        `epochs` are the outer encoders' of the unimodal pass, (batch, seq, d_model).
        """

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
    ) -> MedFuseOutput:
        """Compute the logits of every epoch, of each modality alone and of all given.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, ...)
            One or more of the modalities. Values where a modality is absent do not
            matter and may be NaN.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Epochs that each modality has; by default, all. Short sequences are padded
            by epochs without any modality.

        Returns
        -------
        MedFuseOutput
            Logits and embeddings, finite also where nothing is present. Those of a
            modality depend on that modality alone. In training, those of the subset
            head are from a random part of the modalities.

        Raises
        ------
        ValueError
            If no modality is given, an unknown one, or one of another shape.
        """
        present = self._presence(inputs, present or {})
        tokens = self._tokens(inputs, present)
        encoded, frames = self._encode(tokens, present, None)
        epochs = self._outer(encoded, present)
        draws = self.training and SUBSET in self.heads
        wanted = set(self.heads) - {SUBSET} if draws else set(self.heads)
        logits = self._logits(encoded, epochs, present, wanted)
        if draws:
            devices = [x.device for x in tokens.values() if x.is_cuda]
            with torch.random.fork_rng(devices):
                x = self._random_subset_input(tokens, frames, epochs, present)
                logits[SUBSET] = self.heads[SUBSET](x)
        return MedFuseOutput(logits, encoded.unimodal)

    def _logits(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
        wanted: AbstractSet[str],
    ) -> dict[str, Tensor]:
        """Logits of the heads that are wanted, (batch, seq, n_classes)."""
        logits = {n: self.heads[n](x) for n, x in epochs.items() if n in wanted}
        joint = wanted & {FUSED, SUBSET} & set(self.heads)
        if joint:
            fused = self._fused_input(encoded, epochs, present)
            if FUSED in joint:
                logits[FUSED] = self.heads[FUSED](fused)
            if SUBSET in joint:
                x = self._subset_input(epochs, fused, present)
                logits[SUBSET] = self.heads[SUBSET](x)
        return logits

    @torch.no_grad()
    def _random_subset_input(
        self,
        tokens: dict[str, Tensor],
        frames: dict[str, Tensor],
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Input of the subset head from a random part of each sequence's modalities."""
        given = torch.stack([*present.values()], -1)
        drawn = random_subset(given, cast("int", self.min_subset))
        some = dict(zip(present, drawn.unbind(-1), strict=True))
        multimodal: dict[str, Tensor] = {}
        if len(tokens) > 1:
            multimodal = self._encode_together(tokens, frames, some, {SUBSET})
        fused = self._fused_input(EncodedEpochs({}, multimodal), epochs, some)
        return self._subset_input(epochs, fused, some)

    def _subset_input(
        self, epochs: dict[str, Tensor], fused: Tensor, present: dict[str, Tensor]
    ) -> Tensor:
        """Input of the subset head, (batch, seq, n_inputs); 0 for what is absent.

        The gradient of that head ends here.
        """
        nowhere = torch.zeros(fused.shape[:2], dtype=torch.bool, device=fused.device)
        there = torch.stack([present.get(n, nowhere) for n in self.streams], -1)
        nothing = torch.zeros_like(fused)
        parts = torch.stack([epochs.get(n, nothing) for n in self.streams], -2)
        parts = parts.masked_fill(~there[..., None], 0).flatten(-2)
        return torch.cat([parts, there.to(fused.dtype), fused], -1).detach()

    def _fused_input(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Input of the fused head, from one modality or from several."""
        if len(present) > 1:
            return self._fuse(encoded, epochs, present)
        return sum_present(epochs, present)

    def _outer(
        self, encoded: EncodedEpochs, present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Run the outer encoders of the unimodal pass, where they are needed."""
        return {
            name: self._encoders(name)[1](encoded.unimodal[name], present[name])
            for name in present
            if name in encoded.unimodal
        }

    def encode(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        heads: Heads = None,
    ) -> EncodedEpochs:
        """Encode each epoch by itself, the first step of `forward`.

        Sequences that overlap share epochs, which need to be encoded only once.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, ...)
            One or more of the modalities, as in `forward`.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Epochs that each modality has; by default, all.
        heads : collection of str, default=None
            Heads that `decode` will compute; what none of them needs is left out. None
            means all.

        Returns
        -------
        EncodedEpochs
            Input of `decode`.
        """
        present = self._presence(inputs, present or {})
        return self._encode(self._tokens(inputs, present), present, heads)[0]

    def decode(
        self,
        encoded: EncodedEpochs,
        present: Mapping[str, Tensor],
        heads: Heads = None,
    ) -> MedFuseOutput:
        """Compute logits of sequences of encoded epochs, the second step of `forward`.

        Parameters
        ----------
        encoded : EncodedEpochs
            Results of `encode`, in sequences of any kind, (batch, seq, d_model).
        present : dict of Tensor of bool, shape (batch, seq)
            Epochs that each modality has, for all that were encoded.
        heads : collection of str, default=None
            Heads to compute, some of those that the epochs were encoded for. None means
            all.

        Returns
        -------
        MedFuseOutput
            Logits and embeddings, as of `forward`; those of the subset head are from
            all modalities that are given.
        """
        present = {name: present[name] for name in self.streams if name in present}
        wanted = set(self.heads if heads is None else heads)
        epochs = self._outer(encoded, present)
        logits = self._logits(encoded, epochs, present, wanted)
        return MedFuseOutput(logits, encoded.unimodal)

    def _tokens(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Tokens of the modalities given, (batch * seq, n_tokens, d_model)."""
        return {
            name: self._embedding(name).tokens(inputs[name], there)
            for name, there in present.items()
        }

    def _encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], heads: Heads
    ) -> tuple[EncodedEpochs, dict[str, Tensor]]:
        """CLS tokens of both passes, where a head needs them, and `frames`."""
        joint = heads is None or FUSED in heads or SUBSET in heads
        together = len(tokens) > 1 and joint
        frames = self._encode_alone(tokens, heads, together=together)
        unimodal = {name: cls_tokens(x, present[name]) for name, x in frames.items()}
        multimodal: dict[str, Tensor] = {}
        if together:
            multimodal = self._encode_together(tokens, frames, present, heads)
        return EncodedEpochs(unimodal, multimodal), frames

    def _presence(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Epochs of the modalities given, in the net's order."""
        owner = type(self).__name__
        if not inputs or set(inputs) - set(self.streams):
            known, given = ", ".join(self.streams), ", ".join(inputs) or "none"
            msg = f"{owner} needs one or more of {known}; got {given}."
            raise ValueError(msg)
        batch_and_seq = next(iter(inputs.values())).shape[:2]
        for name, x in inputs.items():
            expected = (*batch_and_seq, *self._embedding(name).shape)
            if x.shape != expected:
                msg = (
                    f"{owner} needs {name!r} of shape (batch, seq, *epoch) = "
                    f"{expected}; got {tuple(x.shape)}."
                )
                raise ValueError(msg)
        everywhere = x.new_ones(batch_and_seq, dtype=torch.bool)
        return {m: present.get(m, everywhere) for m in self.streams if m in inputs}

    def _embedding(self, name: str) -> TokenEmbedding:
        """Token embedding of a modality."""
        return cast("TokenEmbedding", self.streams[name])

    def _check_names(self, names: Iterable[str]) -> None:
        """Refuse names that have another meaning here or in torch."""
        for name in names:
            if not name or set(name) & {".", "+"} or name in (FUSED, SUBSET):
                msg = (
                    f"The name of a modality of {type(self).__name__} must not be "
                    f"empty, hold a dot or a plus, or be {FUSED!r} or {SUBSET!r}; got "
                    f"{name!r}."
                )
                raise ValueError(msg)


def sum_present(epochs: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
    """Sum (batch, seq, d_model) over the modalities that are present, (batch, seq)."""
    return torch.stack(
        [x.masked_fill(~present[name][..., None], 0) for name, x in epochs.items()]
    ).sum(0)


def cls_tokens(tokens: Tensor, like: Tensor) -> Tensor:
    """CLS tokens: (batch * seq, n_tokens, dim) -> (batch, seq, dim)."""
    return tokens[:, 0].reshape(*like.shape, -1)


def _head(d_model: int, d_head: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Head of two hidden layers, with a logit for each stage."""
    return nn.Sequential(
        Linear(d_model, d_head),
        nn.ReLU(),
        Dropout(dropout),
        Linear(d_head, d_head),
        nn.ReLU(),
        Dropout(dropout),
        Linear(d_head, n_classes),
    )
