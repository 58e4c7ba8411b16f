"""AttnSleep: a two-scale CNN, and attention among its features with causal context."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.nn._epoch_net import EpochNet
from sleepkit.nn._squeeze_excitation import ResidualSqueezeExcitation
from sleepkit.nn._two_scale import ScaleBranch, Style, TwoScaleEncoder
from sleepkit.utils import check_count

_LARGE_KERNELS = (7, 6)  # as published at 100 Hz, and at 125 Hz
_REDUCTION = 16  # of the squeeze-and-excitation
_SHORTEST = 400  # samples, one kernel: norms over few steps would leave their signs


class AttnSleep(EpochNet):
    """Stage single epochs of one channel: a two-scale CNN and causal attention.

    Both branches of the CNN stand one after the other in time. A residual block keeps
    few features, and these are the tokens of the attention: a token is the course of
    one feature in time. Queries, keys and values are causal convolutions in time.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    n_filters : tuple of int, default=(64, 128)
        Filters of the first convolution of each branch, and of its others.
    large_kernel : {7, 6}, default=None
        Kernel of the later convolutions of the large branch. None is 7, as published
        for 100 Hz, or the 6 of the published variant for 125 Hz where only that gives a
        number of steps that `n_heads` divides.
    n_tokens : int, default=30
        Features that the residual block keeps.
    n_layers : int, default=2
        Layers of attention.
    n_heads : int, default=5
        Heads of each layer. They must divide the steps of an epoch, see Notes.
    dim_feedforward : int, default=120
        Inner width of the feed-forward part of a layer.
    dropout : float, default=0.5
        Dropout of the CNN.
    attention_dropout : float, default=0.1
        Dropout of the layers of attention.

    Attributes
    ----------
    n_steps : int
        Steps of an epoch behind the CNN, the dimension of a token: 80 for 3,000
        samples.

    Raises
    ------
    ValueError
        If a size cannot be used, or the heads do not divide the steps.

    See Also
    --------
    MaskSleepNet : The same CNN for each modality.

    Notes
    -----
    The published net [1]_ reads one EEG channel at 100 Hz, or at 125 Hz. Its kernels
    have a fixed number of samples. 30 s at 100 Hz have 80 steps, at 125 Hz 100; five
    heads divide the steps of no other usual rate: resample to 100 Hz. Epochs of fewer
    than 400 samples are padded with zeros. With one channel
    the net has 509,825 parameters, 505,249 at 125 Hz.

    **Implementation differences.**

    - The channels of all modalities are input channels of the first convolutions.
    - The released code has 12,980 parameters more that no output depends on: in each
      layer a norm whose result is dropped, and a convolution that is never called.
    - Every layer, and every convolution of a layer, starts from weights of its own. In
      the released code both layers start as copies of one, whose keys and values have
      convolutions that start equal.
    - Sizes are parameters.

    References
    ----------
    .. [1] Eldele et al., "An Attention-Based Deep Learning Approach for Sleep Stage
       Classification With Single-Channel EEG". IEEE TNSRE 29, 2021.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import AttnSleep
    >>> net = AttnSleep({"eeg": (1, 3000)}, n_filters=(4, 8))
    >>> net({"eeg": torch.zeros(2, 1, 3000)}).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        n_filters: tuple[int, int] = (64, 128),
        large_kernel: int | None = None,
        n_tokens: int = 30,
        n_layers: int = 2,
        n_heads: int = 5,
        dim_feedforward: int = 120,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
    ) -> None:
        super().__init__(modalities, n_classes)
        for name, value in [("n_layers", n_layers), ("n_heads", n_heads)]:
            check_count(name, value, owner="AttnSleep")
        check_count("n_tokens", n_tokens, owner="AttnSleep")
        cnn = self._fitting_cnn(n_filters, large_kernel, n_heads, dropout)
        layers = [
            ContextLayer(
                n_tokens, self.n_steps, n_heads, dim_feedforward, attention_dropout
            )
            for _ in range(n_layers)
        ]
        n_squeezed = max(1, n_tokens // _REDUCTION)
        self.encoder = nn.Sequential(
            cnn,
            ResidualSqueezeExcitation(n_filters[1], n_tokens, n_squeezed, bias=False),
            *layers,
            UnbiasedLayerNorm(self.n_steps),
            nn.Flatten(),
        )
        self.head = nn.Linear(n_tokens * self.n_steps, n_classes)
        self.apply(_initialise)

    def _fitting_cnn(
        self,
        n_filters: tuple[int, int],
        large_kernel: int | None,
        n_heads: int,
        dropout: float,
    ) -> TwoScaleEncoder:
        """CNN whose steps the heads divide."""
        kernels = _LARGE_KERNELS if large_kernel is None else (large_kernel,)
        found = []
        for kernel in kernels:
            cnn = attention_cnn(
                self.stack.n_channels, n_filters, dropout=dropout, large_kernel=kernel
            )
            self.n_steps = cnn.n_steps(self.stack.n_times)
            if self.n_steps % n_heads == 0:
                return cnn
            found.append(str(self.n_steps))
        msg = (
            f"AttnSleep needs epochs whose steps n_heads={n_heads} divides: 3000 "
            "samples, 30 s at 100 Hz, have 80, and 3750, at 125 Hz, have 100. Got "
            f"epochs of {self.stack.n_times} samples, {' or '.join(found)} steps."
        )
        raise ValueError(msg)


def attention_cnn(
    n_channels: int,
    n_filters: tuple[int, int],
    *,
    dropout: float,
    large_kernel: int = 7,
    last: bool = True,
) -> TwoScaleEncoder:
    """Two-scale CNN of AttnSleep: (batch, n_filters[1], n_steps).

    `last` is whether there is dropout behind it.
    """
    small, large = (
        ScaleBranch(
            n_channels,
            n_filters=n_filters,
            kernels=(wide, narrow),
            stride=stride,
            pools=pools,
            pool_strides=(2, pools[1]),
            padding=(wide // 2 - shift, narrow // 2),
            pool_padding=(pools[0] // 2, pools[1] // 2),
            depth=2,
            dropout=dropout,
            style=Style(nn.GELU),
            flatten=False,
        )
        for wide, narrow, stride, pools, shift in [
            (50, 8, 6, (8, 4), 1),
            (400, large_kernel, 50, (4, 2), 0),
        ]
    )
    return TwoScaleEncoder(small, large, dropout if last else 0.0, shortest=_SHORTEST)


class CausalConv1d(nn.Conv1d):
    """Convolution that reads a step and those before it."""

    def __init__(self, n_features: int, kernel: int = 7) -> None:
        super().__init__(n_features, n_features, kernel)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name in torch
        """Convolve (batch, n_features, n_times)."""
        return super().forward(functional.pad(input, (self.kernel_size[0] - 1, 0)))


class UnbiasedLayerNorm(nn.Module):
    """Layer normalisation by the unbiased deviation, with epsilon beside it."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        scale = x.std(-1, keepdim=True) + self.eps
        normal: Tensor = self.weight * (x - x.mean(-1, keepdim=True)) / scale
        return normal + self.bias


class ContextLayer(nn.Module):
    """Attention among features whose queries, keys and values are causal in time.

    The residual of the attention is its query, not the input.
    """

    def __init__(
        self,
        n_tokens: int,
        dim: int,
        n_heads: int,
        dim_feedforward: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query, self.key, self.value = (CausalConv1d(n_tokens) for _ in range(3))
        self.output = nn.Linear(dim, dim)
        self.norm = UnbiasedLayerNorm(dim)
        self.feedforward = nn.Sequential(
            nn.Linear(dim, dim_feedforward),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dim_feedforward, dim),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (batch, n_tokens, dim)."""
        query = self.query(x)
        attended = functional.scaled_dot_product_attention(
            self._heads(query),
            self._heads(self.key(x)),
            self._heads(self.value(x)),
            dropout_p=self.dropout.p if self.training else 0.0,
        )
        merged = attended.transpose(1, 2).flatten(2)
        x = query + self.dropout(self.output(merged))
        mapped: Tensor = x + self.dropout(self.feedforward(self.norm(x)))
        return mapped

    def _heads(self, x: Tensor) -> Tensor:
        """(batch, n_tokens, dim) -> (batch, n_heads, n_tokens, dim / n_heads)."""
        return x.reshape(*x.shape[:2], self.n_heads, -1).transpose(1, 2)


def _initialise(module: nn.Module) -> None:
    """Draw small weights of convolutions but the causal ones, and scales around 1."""
    if isinstance(module, nn.Conv1d) and not isinstance(module, CausalConv1d):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.BatchNorm1d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
