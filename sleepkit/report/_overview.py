"""Picture of a whole night: spectrogram, hypnograms, hypnodensity on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sleepkit import plotting
from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import BoolArray, IntArray
from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import Recording, Signal
from sleepkit.report._clock import at
from sleepkit.report._page import WIDTHS, Picture, new_figure, to_uri
from sleepkit.utils import marked_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sleepkit.signal import WindowFlags

_ROW: Final = 1.6  # inches
_HIGHEST: Final = 25.0  # Hz
_LOWEST_RATE: Final = 10.0  # Hz, below which a spectrum of the night tells nothing
_DIFFERENCE: Final = "#f08c00"


def draw_overview(
    night: Recording, hypnogram: Hypnogram, flags: Mapping[str, WindowFlags]
) -> Picture:
    """Draw a night for a wide page and a narrow one, and say what is seen."""
    channel = _channel_to_draw(night, flags)
    spectra = int(channel is not None)
    figures = [_figure(night, hypnogram, width, spectra) for width in WIDTHS]
    if channel is not None:
        _draw_spectra(night.with_signals({"channel": channel}), figures)
    wide, narrow = map(to_uri, figures)
    caption = _name_panels(night, hypnogram, channel)
    return Picture(wide, narrow, _describe(night, hypnogram), caption)


def _draw_spectra(night: Recording, figures: Sequence[Figure]) -> None:
    """Draw the spectrogram of the only channel as the top panel of each figure."""
    tops = [figure.axes[0] for figure in figures]
    half_rate = (night.signals["channel"].sfreq or 0.0) / 2
    spectrogram = plotting.SpectrogramDisplay.from_recording(
        night, "channel", high=min(_HIGHEST, half_rate), ax=tops[0]
    )
    for top in tops[1:]:  # it is computed once
        spectrogram.plot(ax=top)
    for top in tops:  # the axis of time is that of the lowest panel
        top.tick_params(labelbottom=False)
        top.set_xlabel("")


def differences(stages: IntArray, expert: IntArray) -> BoolArray:
    """Epochs that both have scored, and differently."""
    both = (stages != UNSCORED) & (expert != UNSCORED)
    differ: BoolArray = both & (stages != expert)
    return differ


def _figure(
    night: Recording, hypnogram: Hypnogram, width: float, n_above: int
) -> Figure:
    """Draw the stages below panels that are left for other things."""
    has_expert = night.hypnogram is not None
    n_rows = n_above + 1 + has_expert + (hypnogram.probabilities is not None)
    figure = new_figure(width, 0.5 + _ROW * n_rows)
    axes = figure.subplots(n_rows, sharex=True, squeeze=False)
    panels: list[Axes] = axes[n_above:, 0].tolist()
    plotting.HypnogramDisplay.from_predictions(
        hypnogram,
        probabilities=hypnogram.probabilities,
        true=night.hypnogram,
        ax=panels,
    )
    if night.hypnogram is not None:
        panels[0].set_ylabel("expert")
        _shade(panels[:2], differences(hypnogram.stages, night.hypnogram), hypnogram)
    return figure


def _shade(panels: Sequence[Axes], marked: BoolArray, hypnogram: Hypnogram) -> None:
    """Shade the marked epochs from top to bottom."""
    edges = marked_runs(marked) * hypnogram.epoch_duration
    spans = np.column_stack([edges[:, 0], edges[:, 1] - edges[:, 0]])
    for panel in panels:
        panel.broken_barh(
            spans.tolist(),
            (0, 1),
            transform=panel.get_xaxis_transform(),
            color=_DIFFERENCE,
            alpha=0.35,
            linewidth=0,
        )


def _channel_to_draw(
    night: Recording, flags: Mapping[str, WindowFlags]
) -> Signal | None:
    """First channel that is not dead all night, of the EEG if it has one.

    None if there is none, such as of an envelope at 1 Hz.
    """
    for name in sorted(flags, key=lambda name: name != "eeg"):
        block = night.signals[name]
        alive = np.flatnonzero((flags[name].sd > 0).any(axis=1))
        if alive.size and (block.sfreq or 0.0) > _LOWEST_RATE:
            label = block.ch_names[alive[0]]
            return block.replace(data=block.take(alive[:1], axis=0), ch_names=[label])
    return None


def _name_panels(night: Recording, hypnogram: Hypnogram, channel: Signal | None) -> str:
    """Name the panels of the picture, from top to bottom."""
    panels = [] if channel is None else [f"spectrogram of {channel.ch_names[0]}"]
    own = "predicted" if hypnogram.probabilities is not None else "scored"
    if night.hypnogram is not None:
        panels.append("stages of the expert")
        own = f"{own} stages (shaded where the two differ)"
    panels.append(own if night.hypnogram is not None else f"{own} stages")
    if hypnogram.probabilities is not None:
        panels.append("probability of each stage")
    return f"From top to bottom: {', '.join(panels)}. REM is a thick line."


def _describe(night: Recording, hypnogram: Hypnogram) -> str:
    """Text in place of the picture: time, and the number of epochs of each stage."""
    stages, expert = hypnogram.stages, night.hypnogram
    start = hypnogram.first_epoch_start
    words = (
        f"{len(stages)} epochs from {at(start, 0)} to {at(start, hypnogram.duration)}: "
        f"{_count(stages)}."
    )
    if expert is not None:
        both = (stages != UNSCORED) & (expert != UNSCORED)
        n_differ = int(np.count_nonzero(differences(stages, expert)))
        words += (
            f" The expert has {_count(expert)}; the two differ in {n_differ} of "
            f"{int(both.sum())} epochs."
        )
    return words


def _count(stages: IntArray) -> str:
    """Count the epochs of each stage."""
    counts = {name: int((stages == code).sum()) for code, name in enumerate(STAGES)}
    counts["unscored"] = int((stages == UNSCORED).sum())
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n)
