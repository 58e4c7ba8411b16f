"""Encoders of epochs: one for each modality, or one for all channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from sleepkit.nn._batch_norm import BatchNorm
from sleepkit.nn._feature_net import FeatureNet
from sleepkit.utils import check_count

# Called with the sizes of the axes of one epoch: (n_channels, n_times), (n_features,).
EncoderClass = Callable[..., nn.Module]
Shapes = Mapping[str, tuple[int, ...]]


class VectorNet(nn.Module):
    """Encode epochs that are features already: linear layer, batch norm, ReLU.

    Parameters
    ----------
    n_inputs : int
        Features of an epoch.
    n_features : int, default=128
        Encoded features of an epoch.

    See Also
    --------
    FeatureNet : The encoder of raw signals.

    Notes
    -----
    A training batch of one row has no statistics of its own: it is normalised by the
    running ones, as in evaluation.

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
            Non-negative features.
        """
        encoded: Tensor = self.layers(x)
        return encoded


class Extractors(nn.ModuleDict):
    """An encoder for each modality, which gets only the rows that have it."""

    def __init__(self, shapes: Shapes, encoders: Mapping[str, EncoderClass]) -> None:
        super().__init__({n: encoders[n](*shape) for n, shape in shapes.items()})
        self.widths = {n: encoded_width(self[n], shape) for n, shape in shapes.items()}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(rows, *shape) -> (rows, width), each modality with rows of its own."""
        return {name: self[name](x) for name, x in inputs.items()}


class SharedExtractor(nn.Module):
    """One encoder for all channels of all modalities, as rows of one batch."""

    def __init__(self, shapes: Shapes, encoders: Mapping[str, EncoderClass]) -> None:
        super().__init__()
        lengths = {shape[1:] for shape in shapes.values()}
        kinds = list({id(kind): kind for kind in encoders.values()}.values())
        if len(lengths) != 1 or len(kinds) != 1 or () in lengths:
            given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            msg = (
                "modality_specific=False encodes all channels with one encoder: it "
                f"needs signals of one length, and one class of encoder; got {given}."
            )
            raise ValueError(msg)
        (length,) = lengths
        self.encoder = kinds[0](1, *length)
        width = encoded_width(self.encoder, (1, *length))
        self.widths = {name: shape[0] * width for name, shape in shapes.items()}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(rows, *shape) -> (rows, width), each modality with rows of its own."""
        if not inputs:
            return {}
        channels = [x.flatten(0, 1).unsqueeze(1) for x in inputs.values()]
        parts = self.encoder(torch.cat(channels)).split([len(x) for x in channels])
        return {
            name: part.reshape(len(x), self.widths[name])
            for (name, x), part in zip(inputs.items(), parts, strict=True)
        }


def choose_encoders(
    shapes: Shapes,
    encoder: EncoderClass | Mapping[str, EncoderClass] | None,
    *,
    per_channel: bool,
    epoch_duration: float | None,
    dropout: float,
) -> dict[str, EncoderClass]:
    """Choose the encoder of each modality: the one given, or that for its axes."""
    given = encoder if isinstance(encoder, Mapping) else dict.fromkeys(shapes, encoder)
    _check_given(given, shapes)
    for_rate = {  # one object for each length: a shared encoder compares identities
        shape[-1]: partial(
            FeatureNet,
            sfreq=shape[-1] / epoch_duration if epoch_duration else 100.0,
            per_channel=per_channel,
            dropout=dropout,
        )
        for shape in shapes.values()
    }
    chosen: dict[str, EncoderClass] = {}
    for name, shape in shapes.items():
        by_axes: dict[int, EncoderClass] = {1: VectorNet, 2: for_rate[shape[-1]]}
        choice = given.get(name) or by_axes.get(len(shape))
        if choice is None:
            msg = (
                "SleepMGNet has encoders for epochs of shape (n_channels, n_times) or "
                f"(n_features,); got {shape} for {name!r} without an encoder."
            )
            raise ValueError(msg)
        chosen[name] = choice
    return chosen


def _check_given(given: Mapping[str, EncoderClass | None], shapes: Shapes) -> None:
    """Require classes or factories of modules, for modalities of the net."""
    for name, kind in given.items():
        if name not in shapes:
            msg = f"SleepMGNet has {', '.join(shapes)}; got an encoder for {name!r}."
            raise ValueError(msg)
        if kind is not None and (isinstance(kind, nn.Module) or not callable(kind)):
            msg = (
                "An encoder is a class of torch.nn.Module, or makes such modules when "
                f"called with the shape of an epoch; got {kind!r} for {name!r}."
            )
            raise ValueError(msg)


def encoded_width(encoder: nn.Module, shape: tuple[int, ...]) -> int:
    """Count the features of an encoder, if need be by encoding one epoch."""
    if isinstance(encoder, (FeatureNet, VectorNet)):
        return encoder.n_features
    training = encoder.training
    with torch.no_grad():
        features = encoder.eval()(torch.zeros(1, *shape))
    encoder.train(training)
    if isinstance(features, Tensor):
        if features.ndim == 2 and len(features) == 1:
            return features.shape[1]
        got = str(tuple(features.shape))
    else:
        got = type(features).__name__
    msg = (
        f"An encoder must map (batch, *epoch) to (batch, n_features); "
        f"{type(encoder).__name__} mapped {(1, *shape)} to {got}."
    )
    raise ValueError(msg)
