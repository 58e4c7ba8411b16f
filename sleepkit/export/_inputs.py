"""Inputs of a graph: continuous signals at known rates, or what the net takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.pipeline import Pipeline

from sleepkit.classifiers import LogPoolClassifier
from sleepkit.export._build import modalities_of
from sleepkit.export._facts import Facts
from sleepkit.preprocessing import BandPower, FixedChannels
from sleepkit.utils import check_count, check_positive

Numbers = Mapping[str, float] | float
Counts = Mapping[str, int] | int


def signal_layout(
    stager: Any,
    sfreq: Numbers,
    n_channels: Counts | None,
    epoch_duration: float,
) -> dict[str, Facts]:
    """Layout of the continuous signals that a stager takes."""
    layout = {}
    for name in modalities_of(stager):
        rate = _one_of("sfreq", sfreq, name)
        rate = check_positive(f"sfreq[{name!r}]", rate, owner="to_onnx")
        if n_channels is None:
            count = _channels_of(stager, name)
        else:
            count = _one_of("n_channels", n_channels, name)
        if count is None:
            msg = (
                f"to_onnx cannot tell how many channels of {name!r} the stager takes; "
                "say it by n_channels."
            )
            raise ValueError(msg)
        count = check_count(f"n_channels[{name!r}]", count, owner="to_onnx")
        layout[name] = Facts((count,), epoch_duration, rate, rate / 2)
    return layout


def feature_layout(stager: Any, epoch_duration: float) -> dict[str, Facts]:
    """Layout of the epochs that the net of a stager takes."""
    if isinstance(stager, LogPoolClassifier):
        msg = (
            "The members of a pool take features of their own: to_onnx needs sfreq, "
            "the rate of the signals, for LogPoolClassifier."
        )
        raise ValueError(msg)
    names = modalities_of(stager)
    return {name: Facts(tuple(stager.layout_[name]), epoch_duration) for name in names}


def _one_of(parameter: str, given: Any, name: str) -> Any:
    """Value of one modality."""
    if not isinstance(given, Mapping):
        return given
    if name not in given:
        msg = f"The {parameter!r} parameter of to_onnx must name {name!r}. Got {given}."
        raise ValueError(msg)
    return given[name]


def _channels_of(stager: Any, name: str) -> int | None:
    """Channels of a modality at the start of a Pipeline, where its steps tell."""
    steps = [step for _, step in stager.steps] if isinstance(stager, Pipeline) else []
    for step in steps:
        if isinstance(step, FixedChannels):
            return step._count(name)
        if isinstance(step, BandPower):
            return int(step.n_channels_[name])
    layout = getattr(steps[-1] if steps else stager, "layout_", {})
    shape = layout.get(name, ())
    return shape[0] if len(shape) > 1 else None
