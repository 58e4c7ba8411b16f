"""Ages and sexes in the tables that come with a cohort."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from sleepkit.exceptions import RecordingError


def read_sheet(path: Path) -> list[list[str]]:
    """Cells of the rows of an Excel sheet as text, empty where there is nothing.

    No rows without openpyxl, which nothing else needs.
    """
    try:
        openpyxl = import_module("openpyxl")
    except ImportError:
        return []
    try:
        sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).active
        rows = [list(row) for row in sheet.values]
    except Exception as error:  # each part of the format raises errors of its own
        msg = f"{path} cannot be read as a sheet: {error}"
        raise RecordingError(msg) from error
    return [["" if cell is None else str(cell).strip() for cell in row] for row in rows]


def age_and_sex(age: str, sex: str | None) -> dict[str, Any]:
    """Age in years if the text is a number, and sex if it is known."""
    info: dict[str, Any] = {}
    if re.fullmatch(r"\d+(\.\d*)?", age):
        info["age"] = float(age)
    if sex is not None:
        info["sex"] = sex
    return info
