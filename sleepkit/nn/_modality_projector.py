"""Projections of the embeddings of modalities, for contrastive pretraining."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._fusion import FusionNet


class ModalityProjector(nn.Module):
    """Project what a net makes of each modality of an epoch alone.

    It trains the token embeddings and the inner encoders of the net, which then know
    what modalities have in common. The projections are dropped after the training.

    Parameters
    ----------
    net : MedFuseNet, EarlyFusionNet or MidLateFusionNet
        The net, which is trained.
    d_model : int
        Size of a token of the net, and of a projection.

    See Also
    --------
    LeaveOneOutLoss : The loss of its output.

    Notes
    -----
    A projection is a hidden layer of `d_model` units and a linear one behind the CLS
    token of a modality, one pair for each.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MidLateFusionNet, ModalityProjector
    >>> net = MidLateFusionNet({"eeg": (4,), "eog": (2,)}, d_model=8, n_heads=2)
    >>> inputs = {"eeg": torch.randn(6, 1, 4), "eog": torch.randn(6, 1, 2)}
    >>> {n: tuple(x.shape) for n, x in ModalityProjector(net, 8)(inputs).items()}
    {'eeg': (6, 1, 8), 'eog': (6, 1, 8)}
    """

    def __init__(self, net: FusionNet, d_model: int) -> None:
        super().__init__()
        self.net = net
        self.projections = nn.ModuleDict(
            {
                name: nn.Sequential(
                    Linear(d_model, d_model), nn.ReLU(), Linear(d_model, d_model)
                )
                for name in net.streams
            }
        )

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Project the epochs.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, ...)
            One or more of the modalities, as the net takes them.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Epochs that each modality has; by default, all.

        Returns
        -------
        dict of Tensor, shape (batch, seq, d_model)
            Projections of each modality that was given.
        """
        encoded = self.net.encode(inputs, present, heads=list(self.net.streams))
        return {n: self.projections[n](x) for n, x in encoded.unimodal.items()}
