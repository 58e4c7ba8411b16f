"""What all ways to fuse modalities share: the unimodal pass, heads, any subset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sleepkit.nn._dropout import Dropout
from sleepkit.nn._linear import Linear
from sleepkit.nn._stream import Entrance
from sleepkit.nn._transformer import Encoder, FusionLayer

FUSED = "fused"
CLS = (0,)  # the places of what is read of an epoch
MakeEncoder = Callable[[Iterable[str]], Encoder]  # takes who else may ask
Views = Collection[str] | None  # whose logits are read; None: all


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


class EncodedEpochs(NamedTuple):
    """What is kept of each epoch: its CLS tokens after the inner encoders.

    An epoch's are its own, whichever epochs were encoded with it.

    Attributes
    ----------
    alone : dict of Tensor, shape (batch, seq, d_model)
        Those of the unimodal pass, for each modality that was given.
    together : dict of Tensor, shape (batch, seq, d_model)
        Those of the pass in which modalities hear each other, if there is one.
    """

    alone: dict[str, Tensor]
    together: dict[str, Tensor]


class FusionNet(nn.Module, ABC):
    """Stage sequences of epochs from any subset of a few modalities.

    Inner encoders see one epoch (`encode`), outer ones a sequence of what the former
    found (`decode`). Subclasses say which encoders a modality goes through and what the
    fused head sees where several modalities were given. Where one was, that is its
    unimodal pass.
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
    def _encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], views: Views
    ) -> EncodedEpochs:
        """Run the inner encoders on tokens of shape (batch * seq, n_tokens, d_model).

        Where `views` are named, the last layers give CLS tokens alone where no more is
        read, and passes that no view needs are left out.
        """

    @abstractmethod
    def _fuse(
        self,
        encoded: EncodedEpochs,
        epochs: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        """Give what the fused head sees of several: (batch, seq, d_model).

        `epochs` left the outer encoders in the unimodal pass, (batch, seq, d_model).
        """

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
        return self.decode(self.encode(inputs, there), there)

    def encode(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        views: Views = None,
    ) -> EncodedEpochs:
        """Look at each epoch by itself: the first half of a run.

        Sequences that overlap share their epochs, which need to be encoded only once.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, ...)
            One or more of the modalities, as for a whole run.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Which epochs each modality has; all, where it is not named.
        views : collection of str, default=None
            The logits that `decode` will be asked for: what no other ones need is not
            computed. None means all.

        Returns
        -------
        EncodedEpochs
            What `decode` needs to know of each epoch.
        """
        there = self._presence(inputs, present or {})
        tokens = {n: self._entrance(n).tokens(inputs[n], p) for n, p in there.items()}
        return self._encode(tokens, there, views)

    def decode(
        self,
        encoded: EncodedEpochs,
        present: Mapping[str, Tensor],
        views: Views = None,
    ) -> MedFuseOutput:
        """Stage sequences of encoded epochs: the second half of a run.

        Parameters
        ----------
        encoded : EncodedEpochs
            What `encode` gave, in sequences of any kind, (batch, seq, d_model).
        present : dict of Tensor of bool, shape (batch, seq)
            Which epochs each modality has, for all that were encoded.
        views : collection of str, default=None
            The logits to give, some of those that the epochs were encoded for. None
            means all.

        Returns
        -------
        MedFuseOutput
            Logits and embeddings, as of a whole run.
        """
        there = {name: present[name] for name in self.streams if name in present}
        wanted = set(self.heads if views is None else views)
        epochs = {
            name: self._encoders(name)[1](encoded.alone[name], there[name])
            for name in there
            if name in encoded.alone
        }
        logits = {n: self.heads[n](x) for n, x in epochs.items() if n in wanted}
        if FUSED in self.heads and FUSED in wanted:
            several = len(there) > 1
            fused = (
                self._fuse(encoded, epochs, there) if several else total(epochs, there)
            )
            logits[FUSED] = self.heads[FUSED](fused)
        return MedFuseOutput(logits, encoded.alone)

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


def total(epochs: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
    """Sum (batch, seq, d_model) over the modalities that are present, (batch, seq)."""
    return torch.stack(
        [x.masked_fill(~present[name][..., None], 0) for name, x in epochs.items()]
    ).sum(0)


def first_tokens(tokens: Tensor, like: Tensor) -> Tensor:
    """Take the CLS tokens: (batch * seq, n_tokens, dim) -> (batch, seq, dim)."""
    return tokens[:, 0].reshape(*like.shape, -1)


def _head(d_model: int, d_head: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Two hidden layers and one logit for each stage."""
    return nn.Sequential(
        Linear(d_model, d_head),
        nn.ReLU(),
        Dropout(dropout),
        Linear(d_head, d_head),
        nn.ReLU(),
        Dropout(dropout),
        Linear(d_head, n_classes),
    )
