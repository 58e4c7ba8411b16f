"""Protocol of modules whose linear heads have columns for each modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import nn


class BlockwiseHeads(Protocol):
    """Protocol of modules with linear heads on the features of modalities side by side.

    `sleepkit.training.ModalityBalance` and `sleepkit.training.OnTheFlyModulation` train
    any such module; `SleepMGNet` is one. The output of ``forward`` has an attribute
    ``features``, a tensor of shape (..., n_features), the input of all heads.

    Attributes
    ----------
    slices : mapping of str to slice
        Columns of each modality, in the features and in the weights of the heads; empty
        where no column belongs to one modality alone.
    heads : mapping of str to torch.nn.Linear
        ``"classifier"``, the head of the stages, and perhaps ``"discriminator"``, that
        of the domains.
    extractors : mapping of str to torch.nn.Module, or torch.nn.ModuleDict
        Encoder of each modality.

    Notes
    -----
    Attributes, properties and submodules will all do. The callbacks look each one up
    when training begins; ``isinstance`` cannot, since torch keeps submodules apart.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import BlockwiseHeads, SleepMGNet
    >>> net: BlockwiseHeads = SleepMGNet({"eeg": (20,), "emg": (4,)})
    >>> list(net.heads), list(net.slices), list(net.extractors)
    (['classifier'], ['eeg', 'emg'], ['eeg', 'emg'])
    """

    slices: Mapping[str, slice]
    extractors: Any

    @property
    def heads(self) -> Mapping[str, nn.Linear]:
        """The heads, by name."""
