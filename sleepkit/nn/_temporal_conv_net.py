"""Temporal convolutional network: dilated convolutions over the epochs of a night."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final

import torch
from torch import Tensor, nn

from sleepkit.nn._stacked_channels import Inputs, check_shape
from sleepkit.utils import check_count, check_fraction, check_positive

_KERNEL: Final = 5
_DILATIONS: Final = (1, 2, 4, 8)
_EPS: Final = 1e-4


class TemporalConvNet(nn.Module):
    r"""Stage sequences of features by dilated convolutions over epochs.

    An epoch is read as the features of all modalities side by side, zero where one is
    absent, and one flag for each modality, 1 where it is present. Any subset of the
    modalities will do, epoch by epoch.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: ``(n_features,)``, or that of a spectrum,
        whose values are taken as features.
    n_classes : int, default=5
        Number of stages.
    n_filters : int, default=64
        Filters of each convolution.
    dropout : float, default=0.1
        Dropout of what a block adds.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise that is added to present features in
        training.

    Attributes
    ----------
    receptive_field : int
        Epochs on which the logits of one depend: 61, itself and 30 on either side.

    Raises
    ------
    ValueError
        If a size cannot be used.

    See Also
    --------
    sleepkit.classifiers.TemporalConvClassifier : The stager, with the training.
    MedFuseNet : Transformers for any subset of the modalities.

    Notes
    -----
    With :math:`u` the features and flags of an epoch, the net is

    .. math::

        x_0 &= \mathrm{ReLU}(W_0 u), \\
        z_k &= C_k x_{k-1}, \\
        x_k &= x_{k-1} + \mathrm{dropout}\left(W_k\,\mathrm{ReLU}\left(
            \frac{z_k - \operatorname{mean} z_k}{\operatorname{sd} z_k + 10^{-4}}
            \right)\right), \quad k = 1, \dots, 4,

    and the logits are :math:`W_5 x_4`. :math:`C_k` is a convolution over epochs with
    kernel 5 and dilation :math:`2^{k-1}`, each :math:`W` one with kernel 1, all with a
    bias; mean and standard deviation are over the filters of each epoch. Epochs without
    any modality are zero in front of each :math:`C_k`, as the epochs beyond the ends of
    a night are: padding has no influence.

    It is a plain temporal convolutional network [1]_ without its causality, and with
    one dilated convolution a block.

    References
    ----------
    .. [1] Bai et al., "An Empirical Evaluation of Generic Convolutional and Recurrent
       Networks for Sequence Modeling". arXiv:1803.01271, 2018.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import TemporalConvNet
    >>> net = TemporalConvNet({"eeg": (20,), "eog": (10,)})
    >>> net({"eog": torch.zeros(2, 100, 10)}).shape
    torch.Size([2, 100, 5])
    """

    receptive_field: int = 1 + (_KERNEL - 1) * sum(_DILATIONS)

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        n_filters: int = 64,
        dropout: float = 0.1,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        owner = "TemporalConvNet"
        check_count("n_classes", n_classes, owner=owner)
        check_count("n_filters", n_filters, owner=owner)
        check_fraction("dropout", dropout, owner=owner)
        self.noise = check_positive("noise", noise, owner=owner, zero=True)
        self.shapes = {name: tuple(shape) for name, shape in modalities.items()}
        n_values = sum(prod(shape) + 1 for shape in self.shapes.values())
        self.first = nn.Conv1d(n_values, n_filters, 1)
        self.blocks = nn.ModuleList(
            [_Block(n_filters, dilation, dropout) for dilation in _DILATIONS]
        )
        self.last = nn.Conv1d(n_filters, n_classes, 1)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Stage a batch of sequences.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, ...)
            Features of one or more of the modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere. Values where it is
            absent, NaN too, have no influence.

        Returns
        -------
        Tensor, shape (batch, seq, n_classes)
            Logits of the stages.

        Raises
        ------
        ValueError
            If no modality is given, an unknown one, or one of another shape.
        """
        self._check(inputs)
        u, flags = self._read(inputs, present or {})
        there = flags.any(1, keepdim=True)
        x = self.first(torch.cat([u, flags], 1)).relu()
        for block in self.blocks:
            x = block(torch.where(there, x, 0))
        logits: Tensor = self.last(x)
        return logits.transpose(1, 2)

    def _read(self, inputs: Inputs, present: Inputs) -> tuple[Tensor, Tensor]:
        """Features (batch, n_features, seq) and flags (batch, n_modalities, seq)."""
        like = next(iter(inputs.values()))
        everywhere = torch.ones(like.shape[:2], dtype=torch.bool, device=like.device)
        features, flags = [], []
        for name, shape in self.shapes.items():
            if name in inputs:
                there = present.get(name, everywhere)
                x = inputs[name].flatten(2)
                if self.training and self.noise:
                    x = x + self.noise * torch.randn_like(x)
                features.append(torch.where(there[..., None], x, 0))
            else:
                there = ~everywhere
                features.append(like.new_zeros(*like.shape[:2], prod(shape)))
            flags.append(there)
        return torch.cat(features, 2).transpose(1, 2), torch.stack(flags, 1)

    def _check(self, inputs: Inputs) -> None:
        """Require modalities of the net, in their shapes."""
        if not inputs or not inputs.keys() <= self.shapes.keys():
            known, given = ", ".join(self.shapes), ", ".join(inputs) or "none"
            msg = f"TemporalConvNet needs one or more of {known}; got {given}."
            raise ValueError(msg)
        for name, x in inputs.items():
            check_shape(name, x.shape[2:], self.shapes[name], owner="TemporalConvNet")


class _Block(nn.Module):
    """A dilated convolution over epochs, normalised, mixed, and added to its input."""

    def __init__(self, n_filters: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = dilation * (_KERNEL // 2)
        self.dilated = nn.Conv1d(
            n_filters, n_filters, _KERNEL, dilation=dilation, padding=padding
        )
        self.mix = nn.Conv1d(n_filters, n_filters, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_filters, seq) -> (batch, n_filters, seq)."""
        z = self.dilated(x)
        sd, mean = torch.std_mean(z, 1, correction=0, keepdim=True)
        added: Tensor = self.dropout(self.mix(((z - mean) / (sd + _EPS)).relu()))
        return x + added
