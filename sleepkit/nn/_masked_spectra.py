"""Masked spectra: hidden frames and bands, predicted from the rest of the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._fusion import FusionNet
from sleepkit.utils import check_fraction

_VALIDATION_SEED: Final = 0
_N_AXES: Final = 3  # of an epoch of spectra


class MaskedOutput(NamedTuple):
    """Output of `MaskedSpectra`.

    Attributes
    ----------
    predicted : dict of Tensor, shape (n_epochs, n_channels, n_frames, n_bins)
        Predicted values of each modality that was given.
    values : dict of Tensor, shape (n_epochs, n_channels, n_frames, n_bins)
        The true values.
    hidden : dict of Tensor of bool, shape (n_epochs, n_channels, n_frames, n_bins)
        Where the values were hidden; nowhere in epochs that lack the modality.
    """

    predicted: dict[str, Tensor]
    values: dict[str, Tensor]
    hidden: dict[str, Tensor]


class MaskedSpectra(nn.Module):
    """Hide parts of spectra, and predict them by the inner encoders of a net.

    Of each epoch of each modality some frames are hidden, and in all others a band of
    bins that follow each other. A linear layer of each modality predicts the values of
    a frame from its token behind the inner encoder.

    Parameters
    ----------
    net : MedFuseNet, EarlyFusionNet or MidLateFusionNet
        The net, whose token embeddings and inner encoders are trained.
    d_model : int
        Size of a token of the net.
    frames : float, default=0.5
        Share of the frames of an epoch that are hidden, at random places.
    bands : float, default=0.25
        Share of the bins of the other frames that are hidden, the same in all of them.

    Raises
    ------
    ValueError
        If a modality has no spectra but features, whose only frame would be hidden, or
        a share is not from 0 to below 1.

    See Also
    --------
    MaskedSpectraLoss : The loss of its output.

    Notes
    -----
    Values of hidden bands are 0, the mean of standardised spectra; the token of a
    hidden frame is a trained one. What is hidden is drawn anew for each batch; in
    evaluation it is the same for batches of one shape, so that validations compare.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MaskedSpectra, MidLateFusionNet
    >>> net = MidLateFusionNet({"eeg": (1, 6, 4)}, d_model=8, n_heads=2)
    >>> output = MaskedSpectra(net, 8)({"eeg": torch.randn(2, 1, 1, 6, 4)})
    >>> output.predicted["eeg"].shape, int(output.hidden["eeg"].sum())
    (torch.Size([2, 1, 6, 4]), 30)
    """

    def __init__(
        self, net: FusionNet, d_model: int, *, frames: float = 0.5, bands: float = 0.25
    ) -> None:
        super().__init__()
        check_fraction("frames", frames, owner="MaskedSpectra")
        check_fraction("bands", bands, owner="MaskedSpectra")
        shapes = {name: net._embedding(name).shape for name in net.streams}
        for name, shape in shapes.items():
            if len(shape) != _N_AXES:
                msg = (
                    "Masked pretraining needs spectra (n_channels, n_frames, n_bins); "
                    f"got {name!r} epochs of shape {shape}, which are one frame."
                )
                raise ValueError(msg)
        self.net = net
        self.frames = frames
        self.bands = bands
        self.tokens = nn.ParameterDict({n: torch.randn(d_model) for n in shapes})
        self.predictors = nn.ModuleDict(
            {n: Linear(d_model, shape[0] * shape[2]) for n, shape in shapes.items()}
        )

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
    ) -> MaskedOutput:
        """Hide parts of the epochs, and predict them.

        Parameters
        ----------
        inputs : dict of Tensor, shape (batch, seq, n_channels, n_frames, n_bins)
            One or more of the modalities.
        present : dict of Tensor of bool, shape (batch, seq), default=None
            Epochs that each modality has; by default, all.

        Returns
        -------
        MaskedOutput
            Predictions of all values, the true ones, and which of them were hidden.
        """
        present = self.net._presence(inputs, present or {})
        generator = None
        if not self.training:
            generator = torch.Generator().manual_seed(_VALIDATION_SEED)
        output = MaskedOutput({}, {}, {})
        for name, there in present.items():
            values = inputs[name].flatten(0, 1)
            frames, bands = self._draw(values, generator)
            hidden = frames[:, None, :, None] | bands[:, None, None]
            output.predicted[name] = self._predict(name, values, frames, hidden, there)
            output.values[name] = values
            output.hidden[name] = (hidden & there.reshape(-1, 1, 1, 1)).expand_as(
                values
            )
        return output

    def _draw(
        self, values: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Hidden frames (n_epochs, n_frames) and bins (n_epochs, n_bins) of epochs."""
        n_epochs, _, n_frames, n_bins = values.shape
        order = torch.rand(n_epochs, n_frames, generator=generator).argsort(-1)
        width = round(self.bands * n_bins)
        first = torch.rand(n_epochs, 1, generator=generator) * (n_bins - width + 1)
        place = torch.arange(n_bins) - first.floor()
        bands = (place >= 0) & (place < width)
        frames = order < round(self.frames * n_frames)
        return frames.to(values.device), bands.to(values.device)

    def _predict(
        self, name: str, values: Tensor, frames: Tensor, hidden: Tensor, there: Tensor
    ) -> Tensor:
        """Values of one modality, from what is not hidden."""
        shown = values.masked_fill(hidden, 0)[None]
        tokens = self.net._embedding(name).tokens(shown, there.reshape(1, -1))
        cls, of_frames = tokens[:, :1], tokens[:, 1:]
        of_frames = torch.where(frames[..., None], self.tokens[name], of_frames)
        encoder, _ = self.net._encoders(name)
        encoded = encoder(torch.cat([cls, of_frames], 1))[:, 1:]
        n_epochs, n_channels, n_frames, n_bins = values.shape
        predicted: Tensor = self.predictors[name](encoded)
        return predicted.reshape(n_epochs, n_frames, n_channels, n_bins).transpose(1, 2)


class MaskedSpectraLoss(nn.Module):
    """Mean squared error of the hidden values, the mean over modalities.

    See Also
    --------
    MaskedSpectra : The net whose output this takes.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import MaskedOutput, MaskedSpectraLoss
    >>> true = torch.tensor([[[[1.0, 2.0]]]])
    >>> hidden = torch.tensor([[[[True, False]]]])
    >>> output = MaskedOutput({"eeg": torch.zeros_like(true)}, {"eeg": true},
    ...                       {"eeg": hidden})
    >>> MaskedSpectraLoss()(output, {})
    tensor(1.)
    """

    def __init__(self) -> None:  # takes no arguments, unlike torch's modules
        super().__init__()

    def forward(self, output: MaskedOutput, targets: Mapping[str, Any]) -> Tensor:
        """Loss of a batch.

        Parameters
        ----------
        output : MaskedOutput
            Predicted and true values.
        targets : mapping
            Ignored: there are none.

        Returns
        -------
        Tensor, shape ()
            The loss, 0 for a batch in which nothing is hidden.
        """
        errors = []
        for name, hidden in output.hidden.items():
            if bool(hidden.any()):
                error = output.predicted[name] - output.values[name]
                errors.append(error[hidden].square().mean())
        if not errors:
            return sum(x.sum() * 0 for x in output.predicted.values())  # type: ignore[return-value]
        return torch.stack(errors).mean()
