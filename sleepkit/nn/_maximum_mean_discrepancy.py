"""Maximum mean discrepancy: how far apart the features of domains are distributed."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_OCTAVES: Final = (-2, -1, 0, 1, 2)  # of the kernels around the median distance


def maximum_mean_discrepancy(
    features: Tensor, domains: Tensor, sequences: Tensor | None = None
) -> Tensor:
    """Squared discrepancy between domains, averaged over all pairs of them.

    The kernel is the mean of five Gaussian ones, ``exp(-d**2 / (s * 2**j))`` with j
    from -2 to 2, where s is the median squared distance d**2 of the features; it passes
    no gradient. The estimator is the unbiased one [1]_, so that it may be negative: for
    equal distributions it is zero on average. This holds for independent values.
    Neighbouring epochs are not: most have one stage. With `sequences` the similarity of
    a domain to itself is the mean over pairs of epochs of different sequences.

    Parameters
    ----------
    features : Tensor, shape (n_epochs, n_features)
        Features of epochs.
    domains : Tensor of int, shape (n_epochs,)
        Number of the domain of each. Domains of one sequence do not count.
    sequences : Tensor of int, shape (n_epochs,), default=None
        Number of the sequence of each, in its domain; None takes each epoch as a
        sequence of its own.

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
    if sequences is None:
        sequences = torch.arange(len(features), device=features.device)
    apart = (sequences[:, None] != sequences).to(features)
    member = member[:, _pair_sums(apart, member) > 0]
    size = member.sum(0)
    if len(size) < 2:
        return features.sum() * 0
    kernel = _kernel(features)
    within = _pair_sums(kernel * apart, member) / _pair_sums(apart, member)
    between = member.T @ kernel @ member / (size[:, None] * size)
    squared = within[:, None] + within - 2 * between
    first, second = torch.triu_indices(len(size), len(size), 1)
    return squared[first, second].mean()


def _pair_sums(values: Tensor, member: Tensor) -> Tensor:
    """Sum of the values of all pairs of epochs of a domain, for each domain."""
    return (member * (values @ member)).sum(0)


def _kernel(features: Tensor) -> Tensor:
    """Kernel of each pair of epochs, and zero of an epoch with itself."""
    lengths = features.square().sum(1)
    squared = (lengths[:, None] + lengths - 2 * features @ features.T).clamp(min=0)
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    median = squared.detach()[~itself].median().clamp(min=1e-12)
    kernel = torch.stack([(-squared / (median * 2.0**j)).exp() for j in _OCTAVES])
    return kernel.mean(0).masked_fill(itself, 0)
