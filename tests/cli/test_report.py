"""`sleepkit report`, and `sleepkit stage --report`, which write the same pages."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest

from sleepkit.io import write_hypnogram
from sleepkit.report._page import Picture


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    """Pictures take most of the time, and are tested with the reports."""
    nothing = Picture("", "", "", "")
    monkeypatch.setattr(
        "sleepkit.report._night_report.draw_overview", lambda *_: nothing
    )
    monkeypatch.setattr("sleepkit.report._contribution._draw", lambda *_: "")


@pytest.fixture
def unread(tmp_path):
    """A folder with a night that is not read."""
    nights = tmp_path / "unread"
    nights.mkdir()
    for name in ("night0.edf", "night0.csv"):
        (nights / name).touch()
    return nights


def test_stage_writes_a_report(run, folder, model, tmp_path):
    out = tmp_path / "out"
    night = folder / "night0.edf"
    with night.open("r+b") as file:  # what the header says of the patient
        file.seek(8)
        file.write(b"H-4711 F 02-AUG-1951 Jane_Roe".ljust(80))
    arguments = ["stage", night, "--model", model, "--format", "csv", "--out", out]
    code, text, error = run(*arguments, "--report")
    assert (code, error) == (0, "")
    assert str(out / "night0-report.html") in text
    page = (out / "night0-report.html").read_text(encoding="utf-8")
    assert "Agreement with the expert" in page  # night0.csv is beside the night
    assert "Which modality carried what" in page
    assert "from 2001-02-03 22:30" in page
    for known in ("4711", "1951", "Jane", "Roe", str(tmp_path)):
        assert known not in page
    staged = (out / "night0-hypnogram.csv").read_bytes()
    run(*arguments, "--overwrite")
    assert (out / "night0-hypnogram.csv").read_bytes() == staged


def test_no_report_is_replaced_without_overwrite(fails, unread, model, tmp_path):
    old = tmp_path / "night0-report.html"
    old.write_text("kept")
    arguments = ["stage", unread / "night0.edf", "--model", model, "--out", tmp_path]
    words = fails(*arguments, "--report")
    assert words == f"{old}: it exists already; --overwrite replaces it."
    assert [path.name for path in tmp_path.glob("night0*")] == [old.name]


def test_an_expert_that_cannot_be_read_is_left_out(
    run, tmp_path, cohort, write_night, model
):
    night = write_night(tmp_path / "night.edf", cohort[3])
    (tmp_path / "night.csv").write_text("3\n3\n")  # of an unknown scheme
    arguments = ["stage", night, "--model", model, "--format", "csv", "--report"]
    code, _, error = run(*arguments, "--out", tmp_path / "out")
    assert code == 0
    assert error.startswith("note: The expert's hypnogram night.csv is left out: ")
    page = (tmp_path / "out" / "night-report.html").read_text(encoding="utf-8")
    assert "night.csv is left out" in page
    assert "Agreement with the expert" not in page
    assert str(tmp_path) not in page  # whoever gets the page need not know it


def test_several_nights_have_an_index(run, folder, model, tmp_path):
    out = tmp_path / "out"
    (folder / "night2.edf").write_text("")
    arguments = ["stage", folder, "--model", model, "--format", "csv", "--out", out]
    code, text, _ = run(*arguments, "--report")
    assert code == 1
    tables = f"{out / 'summary.csv'}, {out / 'index.html'}"
    assert f"Written: {tables}, and 4 files of nights" in text
    index = (out / "index.html").read_text(encoding="utf-8")
    for i in range(2):
        assert f'href="night{i}-report.html"' in index
        assert (out / f"night{i}-report.html").exists()
    assert "3 nights, of which 1 failed." in index
    assert "night2.edf is empty." in index
    assert str(folder) not in index


def test_report_of_stages_that_exist(run, folder, tmp_path, cohort):
    out = tmp_path / "out"
    code, text, error = run("report", folder, "--out", out)
    assert (code, error) == (0, "")
    names = ["index.html", *(f"night{i}-report.html" for i in range(3)), "summary.csv"]
    assert sorted(path.name for path in out.iterdir()) == names
    page = (out / "night0-report.html").read_text(encoding="utf-8")
    assert "Scored" in page
    assert "Agreement with the expert" not in page
    with (out / "summary.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    asleep = np.sum(cohort[0].hypnogram > 0) / 2
    assert (float(row["TST"]), row["mean_confidence"]) == (asleep, "")
    assert "staged  " in text


def test_report_of_a_night_without_a_scored_epoch(run, tmp_path, cohort, write_night):
    night = write_night(tmp_path / "night.edf", cohort[3])
    write_hypnogram(tmp_path / "night.csv", np.full(60, -1))
    code, text, _ = run("report", night, "--out", tmp_path / "out", "--json")
    assert code == 0
    found = json.loads(text)
    assert (found["n_unscored"], found["low_confidence"]) == (60, None)
    assert found["statistics"]["TST"] == 0


def test_report_compares_stages_with_the_expert(run, folder, tmp_path, cohort):
    own = tmp_path / "own.csv"
    changed = np.array(cohort[0].hypnogram)
    changed[:6] = (changed[:6] + 1) % 5
    write_hypnogram(own, changed)
    night = folder / "night0.edf"
    run("report", night, "--hypnogram", own, "--out", tmp_path / "a")
    page = (tmp_path / "a" / "night0-report.html").read_text(encoding="utf-8")
    assert "54 of 60 epochs that both have scored agree" in page
    expert = folder / "night0.csv"
    run("report", night, "--hypnogram", expert, "--out", tmp_path / "b")
    page = (tmp_path / "b" / "night0-report.html").read_text(encoding="utf-8")
    assert "Agreement with the expert" not in page  # it is the same file


def test_report_without_stages(fails, tmp_path, cohort, write_night):
    night = write_night(tmp_path / "night.edf", cohort[0])
    words = fails("report", night, "--out", tmp_path / "out")
    assert words == f"There are no stages of {night}; --hypnogram FILE names them."


@pytest.mark.parametrize("name", ["--hypnogram", "--expert"])
def test_one_hypnogram_for_several_nights(fails, unread, tmp_path, name):
    given = unread / "night0.csv"
    words = fails("report", unread, name, given, "--out", tmp_path / "out")
    assert words == f"{name} is for one NIGHT; those of several are found by name."


def test_an_expert_needs_a_report(fails, unread, tmp_path):
    given = unread / "night0.csv"
    words = fails("stage", unread, "--expert", given, "--out", tmp_path / "out")
    assert words == "--expert is compared with in the report; it needs --report."


def test_without_jinja2(fails, unread, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    arguments = ["stage", unread / "night0.edf", "--model", model, "--report"]
    words = fails(*arguments, "--out", tmp_path / "out")
    assert "pip install 'sleepkit-learn[report]'" in words
    assert not (tmp_path / "out").exists()
