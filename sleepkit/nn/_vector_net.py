"""One layer for epochs that are features already."""

from __future__ import annotations

from torch import Tensor, nn

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.utils import check_count


class VectorNet(nn.Module):
    """Encode epochs that are features already: linear, normalised, rectified.

    Parameters
    ----------
    n_inputs : int
        Features of an epoch as they come.
    n_features : int, default=128
        Features of an epoch as they go on.

    See Also
    --------
    FeatureNet : The encoder of raw signals.

    Notes
    -----
    A batch of one row cannot be normalised by itself: in training it goes by the
    running statistics, as it does in evaluation.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import VectorNet
    >>> VectorNet(20)(torch.zeros(4, 20)).shape
    torch.Size([4, 128])
    """

    def __init__(self, n_inputs: int, n_features: int = 128) -> None:
        super().__init__()
        check_count("n_inputs", n_inputs, owner="VectorNet")
        check_count("n_features", n_features, owner="VectorNet")
        self.n_features = n_features
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, n_features, bias=False),
            BatchNorm(n_features),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode the features.

        Parameters
        ----------
        x : Tensor, shape (batch, n_inputs)
            Features of the epochs.

        Returns
        -------
        Tensor, shape (batch, n_features)
            Others, none below zero.
        """
        encoded: Tensor = self.layers(x)
        return encoded
