"""The transformers before a net as steps of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sleepkit import preprocessing
from sleepkit.exceptions import StepError
from sleepkit.export._facts import Facts, Layout
from sleepkit.export._steps import (
    _channels,
    _filter,
    _powers,
    _relative,
    _resample,
    _scale,
    _stft,
)
from sleepkit.export._steps._step import Step, Steps

_CONVERT: Final[Mapping[type, Callable[..., tuple[list[Step], Facts]]]] = {
    preprocessing.BandPower: _powers.convert,
    preprocessing.BandpassFilter: _filter.convert,
    preprocessing.FixedChannels: _channels.convert,
    preprocessing.PowerShares: _powers.convert,
    preprocessing.RelativeFeatures: _relative.convert,
    preprocessing.Resampler: _resample.convert,
    preprocessing.SignalScaler: _scale.convert,
    preprocessing.SpectrumScaler: _scale.convert,
    preprocessing.STFTEpocher: _stft.convert,
}
# Which epochs are valid is an input of the graph, and a graph keeps nothing.
_OUTSIDE: Final = (
    preprocessing.Cache,
    preprocessing.EdgeTrimmer,
    preprocessing.QualityMask,
)


def convert_steps(
    steps: Sequence[tuple[str, Any]], layout: Layout
) -> tuple[Steps, Layout]:
    """Convert the steps of a Pipeline before the last; return also what they give."""
    converted: dict[str, list[Step]] = {name: [] for name in layout}
    facts = dict(layout)
    for label, transformer in steps:
        if transformer == "passthrough" or isinstance(transformer, _OUTSIDE):
            continue
        for name in layout:
            more, facts[name] = _convert(label, transformer, name, facts[name])
            converted[name] += more
    return Steps(converted), facts


def _convert(
    label: str, transformer: Any, name: str, facts: Facts
) -> tuple[list[Step], Facts]:
    """Convert one step for one modality, or name it."""
    kind = type(transformer)
    if kind not in _CONVERT:
        known = ", ".join(sorted(each.__name__ for each in _CONVERT))
        msg = (
            f"The step {label!r}, {kind.__name__}, has no graph: {known} have one. "
            "Export the part behind it, and transform before."
        )
        raise StepError(msg)
    try:
        return _CONVERT[kind](transformer, name, facts)
    except NotImplementedError as error:
        msg = (
            f"The step {label!r}, {kind.__name__}, has no graph for {name!r}: {error}."
        )
        raise StepError(msg) from error
