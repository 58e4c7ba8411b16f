"""Maximum mean discrepancy: how far apart the features of domains are distributed."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_OCTAVES: Final = (-2, -1, 0, 1, 2)  # of the kernels around the median distance


def maximum_mean_discrepancy(features: Tensor, domains: Tensor) -> Tensor:
    """Squared discrepancy between domains, averaged over all pairs of them.

    The kernel is the mean of five Gaussian ones, ``exp(-d**2 / (s * 2**j))`` with j
    from -2 to 2, where s is the median squared distance d**2 of the features; it passes
    no gradient. The estimator is the unbiased one [1]_, so that it may be negative: for
    equal distributions it is zero on average.

    Parameters
    ----------
    features : Tensor, shape (n_epochs, n_features)
        Features of epochs.
    domains : Tensor of int, shape (n_epochs,)
        Number of the domain of each. Domains of one epoch do not count.

    Returns
    -------
    Tensor
        The discrepancy, 0 where fewer than two domains count.

    See Also
    --------
    DANLoss : Which adds it to the cross-entropy.

    References
    ----------
    .. [1] Gretton et al., "A Kernel Two-Sample Test". JMLR 13, 2012.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import maximum_mean_discrepancy
    >>> features = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
    >>> bool(maximum_mean_discrepancy(features, torch.tensor([0, 0, 1, 1])) > 1)
    True
    """
    number = domains.unique(return_inverse=True)[1]  # type: ignore[no-untyped-call]
    member = torch.nn.functional.one_hot(number).to(features)  # (n_epochs, n_domains)
    member = member[:, member.sum(0) > 1]
    size = member.sum(0)
    if len(size) < 2:
        return features.sum() * 0
    sums = member.T @ _kernel(features) @ member
    within = sums.diagonal() / (size * (size - 1))
    between = sums / (size[:, None] * size)
    squared = within[:, None] + within - 2 * between
    first, second = torch.triu_indices(len(size), len(size), 1)
    return squared[first, second].mean()


def _kernel(features: Tensor) -> Tensor:
    """Kernel of each pair of epochs, and zero of an epoch with itself."""
    lengths = features.square().sum(1)
    squared = (lengths[:, None] + lengths - 2 * features @ features.T).clamp(min=0)
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    median = squared.detach()[~itself].median().clamp(min=1e-12)
    kernel = torch.stack([(-squared / (median * 2.0**j)).exp() for j in _OCTAVES])
    return kernel.mean(0).masked_fill(itself, 0)
