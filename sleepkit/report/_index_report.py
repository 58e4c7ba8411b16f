"""Page that leads to the reports of several nights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import sleepkit
from sleepkit.report._page import RESEARCH, render_page

# Key of a row, heading, decimals.
_COLUMNS: Final = (
    ("hours", "Hours", 1),
    ("TST", "TST", 0),
    ("SE", "SE, %", 0),
    ("SOL", "SOL", 0),
    ("Lat_REM_onset", "REM lat.", 0),
    ("WASO_AASM", "WASO", 0),
    ("%N1", "N1, %", 0),
    ("%N2", "N2, %", 0),
    ("%N3", "N3, %", 0),
    ("%REM", "REM, %", 0),
    ("n_flagged", "Bad", 0),
)


class _Night(NamedTuple):
    """A line of the page."""

    id: str
    link: str | None
    start: str
    error: str
    cells: list[str | None]
    warnings: list[str]


def index_report(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the page that leads to the reports of several nights.

    Parameters
    ----------
    rows : sequence of mapping of str to object
        A mapping for each night, with the columns of the ``summary.csv`` of `sleepkit
        stage` as far as they are known, as they are or as `csv` or pandas reads them,
        and ``"page"``: the path of the report from the folder of the page, or None.

    Returns
    -------
    str
        The page, in HTML.

    Raises
    ------
    ImportError
        If Jinja2 is not installed.

    See Also
    --------
    night_report : Report of a night.

    Examples
    --------
    >>> from sleepkit.hypnogram import Hypnogram
    >>> from sleepkit.report import index_report
    >>> found = Hypnogram([0, 1, 2, 2, 4, 0]).statistics()
    >>> page = index_report([{"id": "n1", "page": "n1-report.html"} | found])
    >>> '<a href="n1-report.html">n1</a>' in page
    True
    """
    nights = [_line(row) for row in rows]
    n_failed = sum(bool(night.error) for night in nights)
    failed = f", of which {n_failed} failed" if n_failed else ""
    values = {
        "title": "Sleep of several nights",
        "research": RESEARCH,
        "version": sleepkit.__version__,
        "lead": f"{len(nights)} nights{failed}.",
        "columns": [name for _, name, _ in _COLUMNS],
        "nights": nights,
        "has_warnings": any(night.warnings for night in nights),
    }
    return render_page("index.html", values)


def _line(row: Mapping[str, Any]) -> _Night:
    """Line of a night."""
    known = {key: value for key, value in row.items() if not _is_empty(value)}
    warnings = str(known.get("warnings", "")).split(" | ")
    return _Night(
        id=str(known.get("id", "")),
        link=quote(str(known["page"])) if "page" in known else None,
        start=str(known.get("start", "")).replace("T", " ")[:16],
        error=str(known.get("error", "")),
        cells=[
            f"{float(known[key]):.{decimals}f}" if key in known else None
            for key, _, decimals in _COLUMNS
        ],
        warnings=[text for text in warnings if text],
    )


def _is_empty(value: Any) -> bool:
    """Whether a value is unknown or undefined, as csv and pandas read it too."""
    return value in (None, "") or (isinstance(value, float) and math.isnan(value))
