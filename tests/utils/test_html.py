from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sleepkit.utils import Html, html_table, hypnogram_svg


def cells(table):
    """The texts of a table by rows; parsing fails where the markup is broken."""
    rows = ET.fromstring(table).iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_a_table_of_texts_and_numbers():
    columns = {"a <b>": ["<i>", None], "n": [0.12345, np.nan], "k": [3, Html("<b/>")]}
    table = html_table(columns, caption="1 < 2")
    assert cells(table) == [
        ["a <b>", "n", "k"],
        ["<i>", "0.123", "3"],
        ["-", "-", ""],
    ]
    tree = ET.fromstring(table)
    assert tree.find("caption").text == "1 < 2"
    assert [cell.get("scope") for cell in tree.iter("th")] == ["col"] * 3 + ["row"] * 2
    assert tree.find("tbody/tr[2]/td[2]/b") is not None  # HTML stays HTML


def test_long_tables_are_cut():
    rows = cells(html_table({"n": range(23), "m": range(23)}, caption="many"))
    assert len(rows) == 1 + 20 + 1
    assert rows[-1] == ["and 3 more"]


def test_columns_of_one_length():
    with pytest.raises(ValueError, match="shorter"):
        html_table({"a": [1, 2], "b": [1]}, caption="")


@pytest.mark.parametrize(
    ("stages", "labels", "steps"),
    [
        # W on top, REM below it, N3 last; -1 is a gap
        ([0, 0, 3, -1, 4], ("W", "N1", "N2", "N3", "REM"), "M0 0.5H2V4.5H3M4 1.5H5"),
        ([0, 1], ("W", "Sleep"), "M0 0.5H1V1.5H2"),
        ([], ("W", "Sleep"), ""),
    ],
)
def test_steps(stages, labels, steps):
    picture = ET.fromstring(hypnogram_svg(np.array(stages, int), labels=labels))
    assert picture.find("path").get("d") == steps
    assert picture.get("role") == "img"
    order = ", ".join([labels[0], labels[-1], *labels[1:-1]])
    assert picture.find("title").text == f"Hypnogram, from the top: {order}"
