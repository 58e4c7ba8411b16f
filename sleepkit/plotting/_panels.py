"""Panels of a figure, and what is drawn in them: stages, probabilities, time axis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from sleepkit._stages import N1, N2, N3, REM, STAGES, UNSCORED, WAKE
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.utils import optional_import

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar

# Inches: printed in a column of 85 mm, Matplotlib's letters of 10 points have 7.
COLUMN: Final = 4.75
# Deeper sleep is darker, REM stands out; distinct with any colour vision.
COLORS: Final = {
    WAKE: "#f2c14e",
    REM: "#d1495b",
    N1: "#b3d4ea",
    N2: "#5b9bc8",
    N3: "#1f3f77",
}
# Of lines that have names of their own; distinct with any colour vision, as in Okabe
# and Ito's palette, and by their dashes in grey.
DISTINCT: Final = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#333333",
)
_DASHES: Final = ("-", "--", "-.", ":")
_COLOR_OF: Final = {
    **{STAGES[stage]: color for stage, color in COLORS.items()},
    "Light": COLORS[N2],
    "Deep": COLORS[N3],
    "NREM": COLORS[N2],
    "Sleep": COLORS[N2],
}
_REM: Final = STAGES[REM]
INK: Final = "#333333"
MISSING: Final = "#d9d9d9"
_TICK_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480)  # minutes
_MAX_TICKS: Final = 12
_TICK_WIDTH: Final = 0.55  # inches of an axis for each label of time
_MINUTE: Final = 60.0
_DAY: Final = 24 * 60


def make_panels(
    ax: Axes | Sequence[Axes] | None,
    *,
    n_rows: int = 1,
    size: tuple[float, float],
    margin: float = 0.0,
    sharex: bool = False,
    heights: Sequence[float] | None = None,
) -> Array:
    """Make axes of a size in inches, or check the number of given ones.

    `heights` divides what the rows have together, by default evenly.
    """
    if ax is None:
        plt = optional_import("matplotlib.pyplot", extra="plot")
        _, axes = plt.subplots(
            n_rows,
            sharex=sharex,
            squeeze=False,
            height_ratios=heights,
            figsize=(size[0], margin + n_rows * size[1]),
            layout="constrained",
        )
        made: Array = axes.ravel()
        return made
    given = np.atleast_1d(np.asarray(ax, dtype=object))
    if given.shape != (n_rows,):
        msg = (
            f"The 'ax' parameter must be {n_rows} axes, one for each panel. Got {ax!r}."
        )
        raise ValueError(msg)
    return given


def draw_steps(
    ax: Axes,
    edges: FloatArray,
    stages: IntArray,
    name: str,
    labels: Sequence[str] = STAGES,
) -> None:
    """Draw stages as steps, wake on top, REM as a thick line, unscored as gaps."""
    order = _top_down(labels)
    height = {stage: -float(place) for place, stage in enumerate(order)}
    height[UNSCORED] = np.nan
    levels = np.array([height[int(stage)] for stage in stages])
    ax.stairs(levels, edges, baseline=None, color=INK, linewidth=1)
    if _REM in labels:
        in_rem = np.where(stages == labels.index(_REM), levels, np.nan)
        ax.stairs(in_rem, edges, baseline=None, color=COLORS[REM], linewidth=4)
    ax.set_yticks([height[stage] for stage in order], [labels[i] for i in order])
    ax.set_ylim(height[order[-1]] - 0.5, 0.5)
    ax.set_ylabel(name)
    ax.spines[["top", "right"]].set_visible(False)


def draw_density(
    ax: Axes,
    edges: FloatArray,
    probabilities: FloatArray,
    labels: Sequence[str] = STAGES,
) -> None:
    """Stack the probabilities of the stages, in the order of the hypnogram."""
    bottom_up = _top_down(labels)[::-1]
    ax.stackplot(  # each epoch by itself, so that a gap takes nothing of the one before
        np.repeat(edges, 2)[1:-1],
        np.repeat(probabilities[:, bottom_up], 2, axis=0).T,
        colors=[_COLOR_OF[labels[stage]] for stage in bottom_up],
        labels=[labels[stage] for stage in bottom_up],
        linewidth=0,
    )
    ax.set_ylim(0, 1)
    ax.set_ylabel("probability")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), reverse=True, frameon=False)


def label_time(
    ax: Axes, duration: float, start: datetime | None, *, named: bool = True
) -> None:
    """Label an axis in seconds with hours and minutes, by the clock from a start.

    As many labels as fit. An axis that is not named has ticks alone, as above another.
    """
    width = ax.get_window_extent().width / ax.figure.dpi
    most = min(max(width / _TICK_WIDTH, 1), _MAX_TICKS)
    first = 0.0
    if start is not None:
        first = start.hour * 60 + start.minute + start.second / _MINUTE
    last = first + duration / _MINUTE
    step = next((s for s in _TICK_STEPS if (last - first) / s <= most), _DAY)
    ticks = np.arange(np.ceil(first / step) * step, last + 1e-6, step)
    ax.set_xlim(0, duration)
    names = [_format_time(int(tick), clock=start is not None) for tick in ticks]
    ax.set_xticks((ticks - first) * _MINUTE, names)
    ax.tick_params(labelbottom=named)
    if named:
        ax.set_xlabel("clock time" if start else "time (h:mm)")


def draw_bar(ax: Axes, image: ScalarMappable, label: str) -> Colorbar:
    """Draw a colour bar beside axes, which keep the width of those below them."""
    beside = ax.inset_axes((1.02, 0.0, 0.025, 1.0))
    return ax.figure.colorbar(image, cax=beside, label=label)


def draw_curve(ax: Axes, values: FloatArray, place: int, name: str | None) -> None:
    """Draw a quantity over the epochs of a training, the first of which is 1."""
    ticker = optional_import("matplotlib.ticker", extra="plot")
    ax.plot(
        np.arange(1, len(values) + 1),
        values,
        label=name,
        marker="o" if len(values) == 1 else None,  # a single epoch has no line
        color=DISTINCT[place % len(DISTINCT)],
        linestyle=_DASHES[place % len(_DASHES)],
    )
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(ticker.MaxNLocator("auto", integer=True))
    ax.spines[["top", "right"]].set_visible(False)


def _top_down(labels: Sequence[str]) -> list[int]:
    """Order the stages from top to bottom: wake, REM, then ever deeper sleep."""
    rem = [code for code, label in enumerate(labels) if label == _REM]
    others = [code for code in range(1, len(labels)) if code not in rem]
    return [WAKE, *rem, *others]


def _format_time(minutes: int, *, clock: bool) -> str:
    """Write minutes as hours and minutes."""
    hours, rest = divmod(minutes % _DAY if clock else minutes, 60)
    return f"{hours:02d}:{rest:02d}" if clock else f"{hours}:{rest:02d}"
