"""Base of the nets that stage sequences of spectra, with all modalities together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from sleepkit.nn._stacked_channels import Inputs, by_rows, by_sequences, is_epoch
from sleepkit.nn._stacked_spectra import StackedSpectra


class SpectrumSequenceNet(nn.Module, ABC):
    """Stacked spectra, an encoder of epochs, and a reader of sequences of them."""

    def __init__(self, modalities: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.stack = StackedSpectra(modalities, owner=type(self).__name__)

    @abstractmethod
    def _encode_rows(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_frames, n_bins) -> (batch, n_features)."""

    @abstractmethod
    def _read(self, encoded: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits of sequences (batch, seq, n_features)."""

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stage a batch of sequences.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, ...)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        Tensor, shape (batch, seq, n_classes)
            Logits of the stages.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        return self.decode(self.encode(inputs, present), present)

    def encode(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Encode epochs one by one.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, ...)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        Tensor, shape (batch, seq, n_features)
            The features, zero where there is no epoch.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        x = self.stack(inputs, present)
        rows, mask = x.flatten(0, 1), is_epoch(present)
        encoded = by_rows(self._encode_rows, rows, mask, training=self.training)
        return encoded.view(*x.shape[:2], -1)

    def decode(self, encoded: Tensor, present: Inputs | None = None) -> Tensor:
        """Stage sequences of encoded epochs.

        Parameters
        ----------
        encoded : Tensor, shape (batch, seq, n_features)
            What `encode` returned.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality. Where it has none is padding, at any place.

        Returns
        -------
        Tensor, shape (batch, seq, n_classes)
            Logits of the stages.
        """
        return by_sequences(
            self._read, encoded, present=present, training=self.training
        )
