from __future__ import annotations

import math

from sleepkit.metrics import sleep_statistics
from sleepkit.report import index_report
from tests.report.outline import Outline

DASH = "\N{EN DASH}"
ROWS = [
    {
        "id": "clinic/a b",
        "page": "clinic/a b-report.html",
        "start": "2024-02-03T22:30:00",
        "hours": 0.1,
        "n_flagged": 2,
        "warnings": "emg: not in this file. | <b>",
    }
    | sleep_statistics([0, 0, 2, 2, 2, 2, 4, 4, 0, 0]),
    {"id": "b", "page": None, "error": "b.edf is <empty>."},
]


def test_a_line_for_each_night():
    outline = Outline(index_report(ROWS))
    head, first, second = outline.table("A line for each night")
    found = dict(zip(head, first, strict=True))
    assert found["Night"] == "clinic/a b"
    assert found["Start"] == "2024-02-03 22:30"
    assert (found["TST"], found["SE, %"], found["SOL"]) == ("3", "60", "1")
    assert (found["REM lat."], found["WASO"], found["REM, %"]) == ("2", "1", "33")
    assert (found["N1, %"], found["Bad"], found["Warnings"]) == ("0", "2", "2")
    assert second == ["b", "", "failed: b.edf is <empty>."]


def test_links_lead_to_the_reports():
    page = index_report(ROWS)
    links = [link["href"] for link in Outline(page).all("a")]
    assert links == ["clinic/a%20b-report.html", "#night-1"]
    assert "<b>" not in page
    assert 'id="night-1"' in page


def test_rows_that_pandas_or_csv_have_read():
    row = {"id": "n", "page": "n.html", "TST": 3.0, "start": "", "error": math.nan}
    texts = {"id": "n", "page": "n.html", "TST": "3.0", "start": "", "error": ""}
    (_, by_pandas), (_, by_csv) = (
        Outline(index_report([each | {"SE": each["error"]}])).table("A line for")
        for each in (row, texts)
    )
    assert by_pandas == by_csv
    assert by_pandas[:5] == ["n", "", DASH, "3", DASH]


def test_what_is_unknown_is_a_dash():
    _, row = Outline(index_report([{"id": "n"}])).table("A line for each night")
    assert set(row[2:-1]) == {DASH}
