"""What all ways to fuse modalities share: the unimodal pass, heads, any subset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sleepkit.nn._dropout import Dropout
from sleepkit.nn._stream import Entrance
from sleepkit.nn._transformer import Encoder, FusionLayer

FUSED = "fused"
MakeEncoder = Callable[[Iterable[str]], Encoder]  # takes who else may ask


class MedFuseOutput(NamedTuple):
    """What `MedFuseNet` and its siblings say about every epoch of some sequences.

    Attributes
    ----------
    logits : dict of Tensor, shape (batch, seq, n_classes)
        One entry for each modality that was given and, of a net of two or more,
        ``"fused"``.
    embeddings : dict of Tensor, shape (batch, seq, d_model)
        The CLS tokens after the inner encoder of the unimodal pass, which
        `alignment_loss` compares, for each modality that was given.
    """

    logits: dict[str, Tensor]
    embeddings: dict[str, Tensor]


class Unimodal(NamedTuple):
    """What each modality that was given is alone, by name.

    `tokens` enter the inner encoder and `frames` leave it, (batch * seq, n_tokens,
    d_model); `embeddings` enter the outer one and `epochs` leave it, (batch, seq,
    d_model); `present` is (batch, seq).
    """

    present: dict[str, Tensor]
    tokens: dict[str, Tensor]
    frames: dict[str, Tensor]
    embeddings: dict[str, Tensor]
    epochs: dict[str, Tensor]

    def total(self, epochs: Mapping[str, Tensor]) -> Tensor:
        """Sum (batch, seq, d_model) over the modalities that are present."""
        there = self.present
        return torch.stack(
            [x.masked_fill(~there[name][..., None], 0) for name, x in epochs.items()]
        ).sum(0)


class FusionNet(nn.Module, ABC):
    """Stage sequences of epochs from any subset of a few modalities.

    Subclasses say which encoders a modality goes through and what the fused head sees
    where several modalities were given. Where one was, that is its unimodal pass.
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
        self._check_names(modalities)
        sizes = (d_model, n_heads, dim_feedforward, dropout, max_relative_distance)

        def encoder(others: Iterable[str]) -> Encoder:
            return Encoder(FusionLayer(others, *sizes) for _ in range(n_layers))

        self.streams = nn.ModuleDict()
        self._build(modalities, d_model, encoder)
        views = [*modalities, FUSED] if len(modalities) > 1 else list(modalities)
        head = _head(d_model, d_head, n_classes, dropout)
        self.heads = nn.ModuleDict({view: deepcopy(head) for view in views})

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
        """Give the inner and the outer encoder of a modality."""

    @abstractmethod
    def _fuse(self, alone: Unimodal) -> Tensor:
        """Give what the fused head sees of several: (batch, seq, d_model)."""

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
        alone = self._run_alone(inputs, self._presence(inputs, present or {}))
        logits = {name: self.heads[name](x) for name, x in alone.epochs.items()}
        if FUSED in self.heads:
            several = len(alone.present) > 1
            fused = self._fuse(alone) if several else alone.total(alone.epochs)
            logits[FUSED] = self.heads[FUSED](fused)
        return MedFuseOutput(logits, alone.embeddings)

    def _run_alone(
        self, inputs: Mapping[str, Tensor], present: dict[str, Tensor]
    ) -> Unimodal:
        """Run the unimodal pass of each modality."""
        alone = Unimodal(present, {}, {}, {}, {})
        for name, there in present.items():
            inner, outer = self._encoders(name)
            alone.tokens[name] = self._entrance(name).tokens(inputs[name], there)
            alone.frames[name] = inner(alone.tokens[name])
            alone.embeddings[name] = first_tokens(alone.frames[name], there)
            alone.epochs[name] = outer(alone.embeddings[name], there)
        return alone

    def _presence(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Name the modalities given, in the net's order, with their epochs."""
        owner = type(self).__name__
        if not inputs or set(inputs) - set(self.streams):
            known, given = ", ".join(self.streams), ", ".join(inputs) or "none"
            msg = f"{owner} needs one or more of {known}; got {given}."
            raise ValueError(msg)
        batch_and_seq = next(iter(inputs.values())).shape[:2]
        for name, x in inputs.items():
            expected = (*batch_and_seq, *self._entrance(name).shape)
            if x.shape != expected:
                msg = (
                    f"{owner} needs {name!r} of shape (batch, seq, *epoch) = "
                    f"{expected}; got {tuple(x.shape)}."
                )
                raise ValueError(msg)
        everywhere = x.new_ones(batch_and_seq, dtype=torch.bool)
        return {m: present.get(m, everywhere) for m in self.streams if m in inputs}

    def _entrance(self, name: str) -> Entrance:
        """Look up where a modality enters."""
        return cast("Entrance", self.streams[name])

    def _check_names(self, names: Iterable[str]) -> None:
        """Refuse names that mean something else here or to torch."""
        for name in names:
            if not name or "." in name or name == FUSED:
                msg = (
                    f"The name of a modality of {type(self).__name__} must not be "
                    f"empty, hold a dot or be {FUSED!r}; got {name!r}."
                )
                raise ValueError(msg)


def first_tokens(tokens: Tensor, like: Tensor) -> Tensor:
    """Take the CLS tokens: (batch * seq, n_tokens, dim) -> (batch, seq, dim)."""
    return tokens[:, 0].reshape(*like.shape, -1)


def _head(d_model: int, d_head: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Two hidden layers and one logit for each stage."""
    return nn.Sequential(
        nn.Linear(d_model, d_head),
        nn.ReLU(),
        Dropout(dropout),
        nn.Linear(d_head, d_head),
        nn.ReLU(),
        Dropout(dropout),
        nn.Linear(d_head, n_classes),
    )
