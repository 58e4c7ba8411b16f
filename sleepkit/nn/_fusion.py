"""Base of the nets that fuse modalities: embeddings, heads, any subset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._token_embedding import TokenEmbedding
from sleepkit.nn._transformer import Encoder, FusionLayer

FUSED = "fused"
CLS = (0,)  # places of the tokens that represent an epoch
MakeEncoder = Callable[[Iterable[str]], Encoder]  # takes the modalities with queries
Heads = Collection[str] | None  # whose logits are computed; None: all


class MedFuseOutput(NamedTuple):
    """Output of `MedFuseNet`, `EarlyFusionNet` and `MidLateFusionNet`.

    Attributes
    ----------
    logits : dict of Tensor, shape (batch, seq, n_classes)
        Logits of each head: one for each modality that was given and, of a net of two
        or more, ``"fused"``.
    embeddings : dict of Tensor, shape (batch, seq, d_model)
        The CLS tokens after the inner encoder of the unimodal pass, which
        `alignment_loss` compares, for each modality that was given.
    """

    logits: dict[str, Tensor]
    embeddings: dict[str, Tensor]


class EncodedEpochs(NamedTuple):
    """CLS tokens of each epoch after the inner encoders.

    They do not depend on the other epochs that were encoded with it.

    Attributes
    ----------
    unimodal : dict of Tensor, shape (batch, seq, d_model)
        Those of the unimodal pass, for each modality that was given.
    multimodal : dict of Tensor, shape (batch, seq, d_model)
        Those of the pass in which modalities attend to each other, if there is one.
    """

    unimodal: dict[str, Tensor]
    multimodal: dict[str, Tensor]


class FusionNet(nn.Module, ABC):
    """Stage sequences of epochs from any subset of a few modalities.

    Inner encoders attend to the frames of one epoch (`encode`), outer ones to the
    epochs of a sequence (`decode`). Subclasses define the encoders of a modality and
    the input of the fused head where several modalities are given. Where one is, that
    is its unimodal pass.
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
        names = [*modalities, FUSED] if len(modalities) > 1 else list(modalities)
        head = _head(d_model, d_head, n_classes, dropout)
        self.heads = nn.ModuleDict({name: deepcopy(head) for name in names})

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
    def _encode(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], heads: Heads
    ) -> EncodedEpochs:
        """Run the inner encoders on tokens of shape (batch * seq, n_tokens, d_model).

        Where `heads` are given, last layers compute CLS tokens alone where no more is
        needed, and passes that none of these heads needs are left out.
        """

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
        fused: Mapping[str, Tensor] | None = None,
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
        fused : dict of Tensor of bool, shape (batch, seq), default=None
            Epochs of each modality that the fused head may use, where fewer than are
            present: see `sleepkit.training.ModalityDropout`. By default, all.

        Returns
        -------
        MedFuseOutput
            Logits and embeddings, finite also where nothing is present. Those of a
            modality depend on that modality alone.

        Raises
        ------
        ValueError
            If no modality is given, an unknown one, or one of another shape.
        """
        present = self._presence(inputs, present or {})
        used = {n: there & (fused or {}).get(n, there) for n, there in present.items()}
        encoded = self._encode(self._tokens(inputs, present), used, None)
        return self._decode(encoded, present, used, set(self.heads))

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
        return self._encode(self._tokens(inputs, present), present, heads)

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
            Logits and embeddings, as of `forward`.
        """
        present = {name: present[name] for name in self.streams if name in present}
        wanted = set(self.heads if heads is None else heads)
        return self._decode(encoded, present, present, wanted)

    def _decode(
        self,
        encoded: EncodedEpochs,
        present: dict[str, Tensor],
        used: dict[str, Tensor],
        wanted: Collection[str],
    ) -> MedFuseOutput:
        """Logits of some heads; the fused one gets the epochs of `used` alone."""
        epochs = {
            name: self._encoders(name)[1](encoded.unimodal[name], present[name])
            for name in present
            if name in encoded.unimodal
        }
        logits = {n: self.heads[n](x) for n, x in epochs.items() if n in wanted}
        if FUSED in self.heads and FUSED in wanted:
            if len(present) > 1:
                fused = self._fuse(encoded, epochs, used)
            else:
                fused = sum_present(epochs, used)
            logits[FUSED] = self.heads[FUSED](fused)
        return MedFuseOutput(logits, encoded.unimodal)

    def _tokens(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Tokens of the modalities given, (batch * seq, n_tokens, d_model)."""
        return {
            name: self._embedding(name).tokens(inputs[name], there)
            for name, there in present.items()
        }

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
            if not name or "." in name or name == FUSED:
                msg = (
                    f"The name of a modality of {type(self).__name__} must not be "
                    f"empty, hold a dot or be {FUSED!r}; got {name!r}."
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
