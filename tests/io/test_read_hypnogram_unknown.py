"""Labels that name no stage among stages: events, or names that are not known."""

from __future__ import annotations

import warnings

import edfio
import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.io import read_hypnogram

NIGHT = ["Xwake", "Xlight", "N2", "Xdeep", "REM"]


def write(path, rows, kind):
    """Write labels, each with its onset and duration, as annotations or a table."""
    if kind == "edf":
        edfio.Edf([], annotations=[edfio.EdfAnnotation(*row) for row in rows]).write(
            path
        )
        return
    lines = [
        "\t".join("n/a" if value is None else f"{value}" for value in row)
        for row in rows
    ]
    path.write_text("\n".join([f"onset\tduration\t{kind}", *lines]))


KINDS = pytest.mark.parametrize("kind", ["edf", "trial_type", "description", "event"])


@KINDS
def test_unknown_labels_that_last_free_epochs_are_named(tmp_path, kind):
    path = tmp_path / "night.edf"
    write(path, [(30 * i, 30, text) for i, text in enumerate(NIGHT)], kind)
    with pytest.warns(SleepkitWarning, match="3 labels .*'Xwake'.*'Xlight'.*'Xdeep'"):
        hypnogram = read_hypnogram(path)
    assert np.asarray(hypnogram).tolist() == [-1, -1, 2, -1, 4]
    assert hypnogram.onset == 0


@KINDS
def test_events_are_no_unknown_labels(tmp_path, kind):
    stages = [(30 * i, 30, text) for i, text in enumerate(["W", "N1", "?", "REM"])]
    events = [
        (0, 120, "Position"),
        (30, 30, "Arousal"),
        (60, 30, "Apnea"),
        (95, 12, "X"),
    ]
    path = tmp_path / "night.edf"
    write(path, [*stages, *events, (150, None, "Lights on")], kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.asarray(read_hypnogram(path)).tolist() == [0, 1, -1, 4]


def test_unknown_labels_of_one_scorer_are_named(tmp_path):
    rows = [(f"{30 * i}", f"{text}", "A") for i, text in enumerate(NIGHT[2:])]
    rows += [("0", "W", "B"), ("30", "N1", "B"), ("60", "N2", "B")]
    path = tmp_path / "night.tsv"
    path.write_text("onset\tdescription\tscorer\n" + "\n".join(map("\t".join, rows)))
    with pytest.warns(SleepkitWarning, match="1 labels .*'Xdeep'"):
        found = read_hypnogram(path, scorer="all")
    assert np.asarray(found["A"]).tolist() == [2, -1, 4]
    assert np.asarray(found["B"]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("head", ["description", "description,duration"])
def test_rows_without_times_must_all_be_stages(tmp_path, head):
    path = tmp_path / "night.csv"
    path.write_text("\n".join([head, *(f"{text},30" for text in NIGHT)]))
    if head == "description":
        head = "description,note"
        path.write_text("\n".join([head, *(f"{text},a" for text in NIGHT)]))
    with pytest.raises(HypnogramError, match=r"stages; got 'Xwake' .line 2."):
        read_hypnogram(path)
