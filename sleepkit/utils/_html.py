"""Small tables and pictures as HTML, for notebooks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final, Self

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import IntArray

_MAX_ROWS: Final = 20
_UNKNOWN: Final = "-"


class Html(str):
    """Text that is HTML already, which `html_table` does not escape.

    Parameters
    ----------
    text : str
        The HTML.

    Examples
    --------
    >>> from sleepkit.utils import Html, html_table
    >>> "<b>1</b>" in html_table({"n": [Html("<b>1</b>")]}, caption="One")
    True
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Take the text as it is."""
        return super().__new__(cls, text)


def html_table(columns: Mapping[str, Sequence[Any]], *, caption: str) -> Html:
    """Render a table that a screen reader can follow; its texts are escaped.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of one length by their titles; the first one names the rows. Floats get
        three decimals; None and NaN are a dash. Beyond 20 rows, the others are counted.
    caption : str
        What the table shows.

    Returns
    -------
    Html
        A ``<table>``.

    Examples
    --------
    >>> from sleepkit.utils import html_table
    >>> table = html_table({"stage": ["<W>"], "minutes": [2.5]}, caption="A night")
    >>> "&lt;W&gt;" in table, ">2.500</td>" in table
    (True, True)
    """
    titles = "".join(f"<th scope='col'>{_text(title)}</th>" for title in columns)
    rows = list(zip(*columns.values(), strict=True))
    shown = "".join(map(_row, rows[:_MAX_ROWS]))
    n_more = len(rows) - _MAX_ROWS
    if n_more > 0:
        shown += f"<tr><td colspan='{len(columns)}'>and {n_more} more</td></tr>"
    return Html(
        "<table><caption style='caption-side:top;text-align:left'>"
        f"{_text(caption)}</caption><thead><tr>{titles}</tr></thead>"
        f"<tbody>{shown}</tbody></table>"
    )


def _row(cells: Sequence[Any]) -> str:
    """Render a row, named by its first cell."""
    first, *others = cells
    rest = "".join(f"<td>{_text(cell)}</td>" for cell in others)
    return f"<tr><th scope='row'>{_text(first)}</th>{rest}</tr>"


def _text(cell: Any) -> str:
    """Render the content of a cell."""
    if isinstance(cell, Html):
        return cell
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return _UNKNOWN
    return escape(f"{cell:.3f}" if isinstance(cell, float) else str(cell))


def hypnogram_svg(
    stages: Any, *, labels: Sequence[str], width: str = "40em", height: str = "5em"
) -> Html:
    """Draw stages as steps: wake on top, REM sleep below it, deep sleep last.

    Parameters
    ----------
    stages : ndarray of int, shape (n_epochs,)
        Places in `labels`, of which the first is wake and the last REM sleep, or sleep;
        -1 is a gap.
    labels : sequence of str
        Names of the stages.
    width, height : str, default="40em", "5em"
        Size of the picture, as CSS has it.

    Returns
    -------
    Html
        An ``<svg>`` in the colour of the text around it.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.utils import hypnogram_svg
    >>> "M0 0.5H2V1.5H3" in hypnogram_svg(np.array([0, 0, 1]), labels=["W", "Sleep"])
    True
    """
    n_stages = len(labels)
    order = ", ".join([labels[0], labels[-1], *labels[1:-1]])
    return Html(
        f"<svg role='img' viewBox='0 0 {max(len(stages), 1)} {n_stages}' "
        "preserveAspectRatio='none' "
        f"style='width:100%;min-width:8em;max-width:{width};height:{height}'>"
        f"<title>Hypnogram, from the top: {escape(order)}</title>"
        "<path fill='none' stroke='currentColor' vector-effect='non-scaling-stroke' "
        f"d='{_steps(np.asarray(stages), n_stages)}'/></svg>"
    )


def _steps(stages: IntArray, n_stages: int) -> str:
    """Draw a line from run to run, with gaps."""
    level = [0.5, *(place + 1.5 for place in range(1, n_stages - 1)), 1.5]
    changes = np.flatnonzero(np.diff(stages)) + 1
    begins, ends = [0, *changes.tolist()], [*changes.tolist(), len(stages)]
    path, pen_down = "", False
    for begin, end in zip(begins, ends, strict=True):
        drawn = begin < end and stages[begin] != UNSCORED
        if drawn:
            height = level[stages[begin]]
            path += f"V{height}" if pen_down else f"M{begin} {height}"
            path += f"H{end}"
        pen_down = drawn
    return path
