"""DAN: a CNN and a GRU whose features are distributed alike in all domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._feature_net import FeatureNet
from sleepkit.nn._maximum_mean_discrepancy import maximum_mean_discrepancy
from sleepkit.nn._recurrent import run_both
from sleepkit.nn._stacked_channels import (
    Inputs,
    StackedChannels,
    by_rows,
    by_sequences,
    is_epoch,
)
from sleepkit.nn._stage_loss import StageLoss
from sleepkit.utils import check_count


class DANOutput(NamedTuple):
    """Output of `DAN`.

    Attributes
    ----------
    logits : Tensor, shape (batch, seq, n_classes)
        Logits of the stages.
    features : Tensor, shape (batch, seq, n_features)
        Input of the head, which is to be distributed alike in all domains.
    target : tuple of Tensor, or None
        The same of epochs of the target domain, where there are some in the batch,
        shape (n_epochs, n_features); and the number of the sequence of each, int of
        shape (n_epochs,).
    """

    logits: Tensor
    features: Tensor
    target: tuple[Tensor, Tensor] | None = None


class DAN(nn.Module):
    """Stage sequences of raw epochs by features that domains have in common.

    FeatureNet encodes each epoch, channel by channel, and a GRU reads the encoded
    epochs in both directions. Its output is the features that `DANLoss` makes similar
    across domains.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sfreq : float, default=100.0
        Sampling rate in hertz, which kernels follow; see `FeatureNet`.
    d_model : int, default=256
        Size of an encoded epoch.
    hidden_size : int, default=128
        Units of each direction of the GRU.
    dropout : float, default=0.5
        Dropout of the CNN.

    See Also
    --------
    DANLoss : Its loss.
    FeatureNet : The CNN.

    Notes
    -----
    **Implementation differences.** This is a reconstruction: no code was released for
    the published system [1]_, which reads one ECG lead. Known of it are a CNN with a
    bidirectional GRU, and the maximum mean discrepancy between the features of source
    and target subjects. The sizes, the CNN, the layer that is aligned and the kernels
    are choices of this package, for a comparison with other nets on the same input. It
    has 1,137,637 parameters for ten channels of 30 s at 100 Hz.

    References
    ----------
    .. [1] Tang et al., Biomedical Signal Processing and Control 75, 103548, 2022.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import DAN
    >>> net = DAN({"eeg": (2, 3000)}, d_model=16, hidden_size=8)
    >>> net({"eeg": torch.zeros(2, 5, 2, 3000)}).features.shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sfreq: float = 100.0,
        d_model: int = 256,
        hidden_size: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        counts = {
            "n_classes": n_classes,
            "d_model": d_model,
            "hidden_size": hidden_size,
        }
        for name, count in counts.items():
            check_count(name, count, owner="DAN")
        self.stack = StackedChannels(modalities, owner="DAN")
        shape = self.stack.n_channels, self.stack.n_times
        cnn = FeatureNet(*shape, sfreq=sfreq, dropout=dropout)
        self.encoder = nn.Sequential(cnn, nn.Linear(cnn.n_features, d_model), nn.ReLU())
        self.d_model = d_model
        self.ahead, self.back = (
            nn.GRU(d_model, hidden_size, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(2 * hidden_size, n_classes)

    def forward(
        self,
        inputs: Inputs,
        present: Inputs | None = None,
        target: Mapping[str, Inputs] | None = None,
    ) -> DANOutput:
        """Stage a batch of sequences.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.
        target : mapping of str to mapping, default=None
            Sequences of the target domain, of the same length: ``"inputs"`` and
            ``"present"``, as above. Both domains are one batch for the statistics of
            the normalisations.

        Returns
        -------
        DANOutput
            Logits and features.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        if target is None:
            return self.decode(self.encode(inputs, present), present)
        n_rows = len(next(iter(inputs.values())))
        inputs = _joined(inputs, target["inputs"])
        present = _joined(present or {}, target["present"])
        output = self.decode(self.encode(inputs, present), present)
        features = output.features[n_rows:]
        mask = is_epoch(target["present"])
        if mask is None:
            mask = torch.ones(features.shape[:2], dtype=torch.bool)
        there = features[mask], _rows_like(mask)[mask]
        return DANOutput(output.logits[:n_rows], output.features[:n_rows], there)

    def encode(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Encode epochs one by one.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        Tensor, shape (batch, seq, d_model)
            The encoded epochs, zero where there is none.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        self.stack.check_sequences(inputs)
        x = self.stack(inputs, present)
        mask, rows = is_epoch(present), x.flatten(0, 1)
        encoded = by_rows(self.encoder, rows, mask, training=self.training)
        return encoded.view(*x.shape[:2], self.d_model)

    def decode(self, encoded: Tensor, present: Inputs | None = None) -> DANOutput:
        """Stage sequences of encoded epochs, of any length.

        Parameters
        ----------
        encoded : Tensor, shape (batch, seq, d_model)
            What `encode` returned.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality. Where it has none is padding, at any place.

        Returns
        -------
        DANOutput
            Logits and features.
        """
        read = by_sequences(
            self._read, encoded, present=present, training=self.training
        )
        n_features = self.head.in_features
        return DANOutput(read[..., n_features:], read[..., :n_features])

    def _read(self, encoded: Tensor, mask: Tensor | None = None) -> Tensor:
        """Features of sequences, and their logits behind these."""
        features, _ = run_both(self.ahead, self.back, encoded, mask)
        return torch.cat([features, self.head(features)], dim=-1)


class DANLoss(StageLoss):
    """Cross-entropy of the stages, and the discrepancy between domains.

    Between the domains of the batch, or between its labelled epochs and those of the
    target domain where `DANOutput` has some. A domain of which the batch has a single
    sequence has no part in the discrepancy.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,) or None, default=None
        Weight of each class; None weighs all alike.
    strength : float, default=1.0
        Weight of the discrepancy; it may be changed at any time.

    See Also
    --------
    maximum_mean_discrepancy : The discrepancy.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import DANLoss, DANOutput
    >>> output = DANOutput(torch.zeros(1, 2, 5), torch.zeros(1, 2, 4))
    >>> domains = torch.tensor([[0, 0]])
    >>> DANLoss()(output, {"stages": torch.tensor([[1, 4]]), "domains": domains})
    tensor(1.6094)
    """

    def __init__(
        self, class_weight: Tensor | None = None, strength: float = 1.0
    ) -> None:
        super().__init__(class_weight)
        self.strength = strength

    def forward(self, output: DANOutput, targets: Mapping[str, Any]) -> Tensor:  # type: ignore[override]
        """Loss of a batch.

        Parameters
        ----------
        output : DANOutput
            Output of `DAN`.
        targets : mapping of str to Tensor
            ``"stages"`` and ``"domains"``, int of shape (batch, seq), -1 where there is
            none; epochs without a domain have no part in the discrepancy.

        Returns
        -------
        Tensor
            The loss.
        """
        loss = super().forward(output.logits, targets)
        domains = targets["domains"]
        known = domains >= 0
        features, sequences = output.features[known], _rows_like(known)[known]
        domains = domains[known]
        if output.target is not None:
            features = torch.cat([features, output.target[0]])
            sequences = torch.cat([sequences, output.target[1]])
            domains = torch.arange(len(features), device=domains.device) >= len(domains)
        if not self.strength or not len(features):
            return loss
        apart = maximum_mean_discrepancy(features, domains, sequences)
        return loss + self.strength * apart


def _rows_like(mask: Tensor) -> Tensor:
    """Return the number of the sequence of each epoch, of the shape of a mask."""
    return torch.arange(len(mask), device=mask.device)[:, None].expand(mask.shape)


def _joined(first: Inputs, second: Inputs) -> dict[str, Tensor]:
    """Rows of one batch behind those of another."""
    return {name: torch.cat([first[name], second[name]]) for name in second}
