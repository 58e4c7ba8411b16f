"""Base of the nets that stage epochs one by one, with all modalities together."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from sleepkit.nn._stacked_channels import Inputs, StackedChannels, by_rows, is_epoch
from sleepkit.utils import check_count


class EpochNet(nn.Module):
    """Stacked channels, an encoder of epochs, and a head of the stages.

    Subclasses set `encoder`, which maps (batch, n_channels, n_times) to
    (batch, n_features), and `head`, which maps these to logits.
    """

    encoder: nn.Module
    head: nn.Module

    def __init__(
        self, modalities: Mapping[str, tuple[int, ...]], n_classes: int
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        check_count("n_classes", n_classes, owner=owner)
        self.stack = StackedChannels(modalities, owner=owner)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stage a batch of epochs.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch,), default=None
            Where an epoch has a modality; without it, everywhere. A modality that is
            absent is zero, and epochs without any do not count in batch statistics.

        Returns
        -------
        Tensor, shape (batch, n_classes)
            Logits of the stages.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        x, mask = self.stack(inputs, present), is_epoch(present)
        features = by_rows(self.encoder, x, mask, training=self.training)
        logits: Tensor = self.head(features)
        return logits
