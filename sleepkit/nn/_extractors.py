"""What reads the modalities: an encoder for each, or one for all channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from sleepkit.nn._feature_net import FeatureNet
from sleepkit.nn._vector_net import VectorNet

# Called with the sizes of the axes of one epoch: (n_channels, n_times), (n_features,).
EncoderClass = Callable[..., nn.Module]
Shapes = Mapping[str, tuple[int, ...]]


class Extractors(nn.ModuleDict):
    """An encoder for each modality, which reads the rows where there is one."""

    def __init__(self, shapes: Shapes, encoders: Mapping[str, EncoderClass]) -> None:
        super().__init__({n: encoders[n](*shape) for n, shape in shapes.items()})
        self.widths = {n: encoded_width(self[n], shape) for n, shape in shapes.items()}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Encode (rows, *shape) as (rows, width), each modality its own rows."""
        return {name: self[name](x) for name, x in inputs.items()}


class SharedExtractor(nn.Module):
    """One encoder for every channel of every modality, alone and all in one batch."""

    def __init__(self, shapes: Shapes, encoders: Mapping[str, EncoderClass]) -> None:
        super().__init__()
        lengths = {shape[1:] for shape in shapes.values()}
        kinds = list({id(kind): kind for kind in encoders.values()}.values())
        if len(lengths) != 1 or len(kinds) != 1 or () in lengths:
            given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            msg = (
                "modality_specific=False reads all channels with one encoder: it needs "
                f"signals of one length, and one class of encoder; got {given}."
            )
            raise ValueError(msg)
        (length,) = lengths
        self.encoder = kinds[0](1, *length)
        width = encoded_width(self.encoder, (1, *length))
        self.widths = {name: shape[0] * width for name, shape in shapes.items()}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Encode (rows, *shape) as (rows, width), each modality its own rows."""
        if not inputs:
            return {}
        channels = [x.flatten(0, 1).unsqueeze(1) for x in inputs.values()]
        found = self.encoder(torch.cat(channels)).split([len(x) for x in channels])
        return {
            name: part.reshape(len(x), self.widths[name])
            for (name, x), part in zip(inputs.items(), found, strict=True)
        }


def choose_encoders(
    shapes: Shapes,
    encoder: EncoderClass | Mapping[str, EncoderClass] | None,
    *,
    per_channel: bool,
    epoch_duration: float | None,
    dropout: float,
) -> dict[str, EncoderClass]:
    """Take the encoder that was given for a modality, or the one for its axes."""
    given = encoder if isinstance(encoder, Mapping) else dict.fromkeys(shapes, encoder)
    _check_given(given, shapes)
    for_rate = {  # one object for each length, by which a shared encoder knows it
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
        found = given.get(name) or by_axes.get(len(shape))
        if found is None:
            msg = (
                "SleepMGNet reads epochs of shape (n_channels, n_times) or "
                f"(n_features,) by itself; got {shape} for {name!r} without an encoder."
            )
            raise ValueError(msg)
        chosen[name] = found
    return chosen


def _check_given(given: Mapping[str, EncoderClass | None], shapes: Shapes) -> None:
    """Require classes, for modalities that there are."""
    for name, kind in given.items():
        if name not in shapes:
            msg = f"SleepMGNet reads {', '.join(shapes)}; got an encoder for {name!r}."
            raise ValueError(msg)
        if kind is not None and (isinstance(kind, nn.Module) or not callable(kind)):
            msg = (
                "An encoder is a class of torch.nn.Module, or makes such modules when "
                f"called with the shape of an epoch; got {kind!r} for {name!r}."
            )
            raise ValueError(msg)


def encoded_width(encoder: nn.Module, shape: tuple[int, ...]) -> int:
    """Find how many features an encoder gives: it says so, or one epoch tells."""
    if isinstance(encoder, (FeatureNet, VectorNet)):
        return encoder.n_features
    training = encoder.training
    with torch.no_grad():
        found = encoder.eval()(torch.zeros(1, *shape))
    encoder.train(training)
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != 1:
        got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        msg = (
            f"An encoder turns (batch, *epoch) into (batch, n_features); "
            f"{type(encoder).__name__} made {got} of {(1, *shape)}."
        )
        raise ValueError(msg)
    return found.shape[1]
