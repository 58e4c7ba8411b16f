"""Squeeze-and-excitation: features weighted by what all of an epoch holds."""

from __future__ import annotations

from torch import Tensor, nn

from sleepkit.nn._batch_norm import BatchNorm


class SqueezeExcitation(nn.Module):
    """Weigh each feature by a gate, from the means of all features over time."""

    def __init__(self, n_features: int, n_squeezed: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(n_features, n_squeezed, bias=bias),
            nn.ReLU(),
            nn.Linear(n_squeezed, n_features, bias=bias),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Weigh (batch, n_features, n_times)."""
        weighted: Tensor = x * self.gate(x.mean(-1))[..., None]
        return weighted


class ResidualSqueezeExcitation(nn.Module):
    """Two convolutions of one step and a squeeze-and-excitation, with a shortcut.

    The shortcut is a convolution where the number of features changes.
    """

    def __init__(self, n_in: int, n_out: int, n_squeezed: int, *, bias: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(n_in, n_out, 1),
            BatchNorm(n_out),
            nn.ReLU(),
            nn.Conv1d(n_out, n_out, 1),
            BatchNorm(n_out),
            SqueezeExcitation(n_out, n_squeezed, bias=bias),
        )
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out:
            convolution = nn.Conv1d(n_in, n_out, 1, bias=False)
            self.shortcut = nn.Sequential(convolution, BatchNorm(n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, n_in, n_times) to (batch, n_out, n_times)."""
        mapped: Tensor = (self.layers(x) + self.shortcut(x)).relu()
        return mapped
