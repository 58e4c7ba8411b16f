"""Tables, intervals, comparisons and files."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from sklearn.pipeline import make_pipeline

from sleepkit.evaluation import StagingResult, cross_validate_staging
from sleepkit.metrics import bootstrap_scores, compare_stagings

STAGES = ("W", "N1", "N2", "N3", "REM")


@pytest.fixture
def result(make_cohort, proba_stager, hard_stager) -> StagingResult:
    X, y = make_cohort(without={"p1": ["eog"]})
    stagers = {"a": proba_stager(), "b": hard_stager(width=2.0)}
    return cross_validate_staging(
        stagers, X, y, cv=3, subsets=[["eog"]], window="all", random_state=0
    )


def test_predictions_of_each_epoch(result, make_cohort):
    X, y = make_cohort(without={"p1": ["eog"]})
    frame = pd.DataFrame(result.predictions())
    assert list(frame)[:4] == ["estimator", "condition", "fold", "subject"]
    assert len(frame) == 2 * 2 * len(X)
    truth = pd.DataFrame({"recording": X.recording, "epoch": X.epoch, "y": y})
    joined = frame.merge(truth, on=["recording", "epoch"])
    assert (joined["true"] == joined["y"]).all()
    assert (joined["subject"].str[1:] == joined["recording"].str[1:]).all()
    proba = frame[[f"p_{stage}" for stage in STAGES]].to_numpy()
    staged = (frame["predicted"] >= 0).to_numpy()
    probable = (frame["estimator"] == "a").to_numpy() & staged
    assert np.allclose(proba[probable].sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(proba[probable].argmax(1), frame["predicted"][probable])
    assert np.isnan(proba[~probable]).all()
    assert (~staged).sum() == 2 * 20  # two estimators, one night without EOG


def test_predictions_of_one_estimator(result):
    table = result.predictions("b", "eog")
    assert set(table["estimator"]) == {"b"}
    assert set(table["condition"]) == {"eog"}
    with pytest.raises(ValueError, match=r"'estimator' .* Got 'c'"):
        result.predictions("c")
    with pytest.raises(ValueError, match=r"'condition' .* Got 'ecg'"):
        result.predictions(condition="ecg")


@pytest.mark.parametrize("by", [None, "subject", "recording", "fold"])
def test_scores_are_those_of_scikit_learn(result, by):
    scores = pd.DataFrame(result.scores(by))
    frame = pd.DataFrame(result.predictions())
    frame = frame[frame["predicted"] >= 0]
    keys = ["estimator", "condition", *([by] if by else [])]
    groups = dict(list(frame.groupby(keys)))
    assert len(scores) == len(groups)
    for _, row in scores.iterrows():
        part = groups[tuple(row[keys])]
        pair = (part["true"], part["predicted"])
        assert row["n_epochs"] == len(part)
        assert row["accuracy"] == pytest.approx(accuracy_score(*pair))
        assert row["kappa"] == pytest.approx(cohen_kappa_score(*pair))
        assert row["f1_macro"] == pytest.approx(f1_score(*pair, average="macro"))


def test_scores_by_an_unknown_column(result):
    with pytest.raises(ValueError, match=r"'by' .* Got 'hospital'"):
        result.scores("hospital")


def test_intervals(result):
    frame = pd.DataFrame(result.intervals(level=0.9, n_resamples=200))
    table = result.predictions("a", "all")
    expected = bootstrap_scores(
        table["true"],
        table["predicted"],
        table["subject"],
        level=0.9,
        n_resamples=200,
        random_state=0,
    )
    rows = frame[(frame["estimator"] == "a") & (frame["condition"] == "all")]
    for _, row in rows.iterrows():
        assert (row["low"], row["high"]) == tuple(expected[row["metric"]])
        assert row["low"] <= row["value"] <= row["high"]
    assert len(frame) == 4 * 8


def test_no_interval_for_one_subject(make_cohort, proba_stager):
    X, y = make_cohort(without={f"p{i}": ["eog"] for i in range(1, 6)})
    found = cross_validate_staging({"a": proba_stager()}, X, y, cv=3, subsets=[["eog"]])
    frame = pd.DataFrame(found.intervals(n_resamples=50))
    one = frame["condition"] == "eog"
    assert frame.loc[one, ["low", "high"]].isna().all(axis=None)
    assert frame.loc[~one, "low"].notna().any()


def test_compare(result):
    a, b = result.predictions("a"), result.predictions("b")
    some = a["condition"] == "all"
    expected = compare_stagings(
        a["true"][some],
        a["predicted"][some],
        b["predicted"][some],
        a["subject"][some],
        metric="accuracy",
        n_resamples=100,
        random_state=0,
    )
    assert result.compare("a", "b", metric="accuracy", n_resamples=100) == expected


def test_compare_leaves_out_epochs_without_a_prediction(result):
    found = result.compare("a", ("a", "eog"), n_resamples=100)
    table = result.predictions("a", "eog")
    assert "p1" not in set(table["subject"][table["predicted"] >= 0])
    assert found.n_subjects == 5


def test_files_are_read_back(result, tmp_path):
    paths = result.save(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        *("scores.csv", "predictions.npz", "protocol.json"),
    ]
    with paths[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    scores = result.scores()
    assert [row["estimator"] for row in rows] == scores["estimator"]
    assert [float(row["kappa"]) for row in rows] == scores["kappa"]
    with np.load(paths[1]) as archive:
        table = result.predictions()
        assert list(archive) == list(table)
        for name, column in table.items():
            np.testing.assert_array_equal(archive[name], column)
    assert json.loads(paths[2].read_text()) == result.protocol
    assert result.save(str(tmp_path / "new" / "folder")) == paths


def test_protocol_describes_the_run(result):
    protocol = result.protocol
    data = protocol["data"]
    assert (data["n_subjects"], data["n_recordings"], data["n_epochs"]) == (6, 6, 120)
    assert sum(data["stages"].values()) == 120
    assert data["channels"]["eog"] == {"epochs of shape (2,)": 5}
    assert len({night["fingerprint"] for night in data["recordings"]}) == 6
    assert protocol["random_state"] == 0
    assert protocol["scoring_window"] == "all"
    assert protocol["estimators"]["b"]["parameters"]["width"] == 2.0
    assert protocol["estimators"]["b"]["class"].endswith("HardStager")
    assert protocol["conditions"]["eog"] == {"modalities": ["eog"], "corruption": None}
    assert {"sleepkit", "python", "numpy", "scikit-learn"} <= protocol[
        "versions"
    ].keys()
    folds = protocol["splits"]
    assert sorted(chain.from_iterable(fold["test_subjects"] for fold in folds)) == [
        *("p0", "p1", "p2", "p3", "p4", "p5"),
    ]
    for fold in folds:
        assert not set(fold["training_subjects"]) & set(fold["test_subjects"])
    assert len(protocol["seconds"]) == 6
    assert protocol["seconds"][0].keys() == {"estimator", "fold", "fit", "stage"}


def test_protocol_is_strict_json(cohort, proba_stager, tmp_path):
    X, y = cohort
    odd = {
        "path": tmp_path,
        "not a number": float("nan"),
        "array": np.arange(3),
        "function": np.log1p,
        "rng": np.random.RandomState(0),
        "numpy": np.float32(0.5),
        "one class": int,
        "does not pickle": (lambda x: x, iter([1])),
    }
    stager = proba_stager(held=odd)
    described = cross_validate_staging({"a": stager}, X, y, cv=2).protocol
    text = json.dumps(described, allow_nan=False)
    held = json.loads(text)["estimators"]["a"]["parameters"]["held"]
    assert held["not a number"] == "nan"
    assert held["path"] == str(tmp_path)
    assert held["numpy"] == 0.5
    assert held["one class"] == "builtins.int"


def test_protocol_describes_a_pipeline(cohort, hard_stager):
    X, y = cohort
    stager = make_pipeline(SimpleImputer(), hard_stager()).set_params(
        simpleimputer=None
    )
    protocol = cross_validate_staging({"a": stager}, X, y, cv=2).protocol
    steps = protocol["estimators"]["a"]["parameters"]["steps"]
    assert steps[0] == ["simpleimputer", None]
    assert steps[1][1]["parameters"]["width"] == 1.0


def test_text(result, cohort, proba_stager):
    lines = str(result).splitlines()
    assert lines[0].split() == [
        "stager",
        "condition",
        "accuracy",
        "kappa",
        "macro-F1",
        "epochs",
    ]
    assert [line.split()[:2] for line in lines[1:5]] == [
        *(["a", "all"], ["a", "eog"], ["b", "all"], ["b", "eog"]),
    ]
    assert lines[2].endswith(" 100")
    assert lines[5] == "Scored: all, of 6 nights of 6 subjects."
    X, y = cohort
    cv = [(X.subject != "p0", X.subject == "p0")]
    some = cross_validate_staging({"a": proba_stager()}, X, y, cv=cv)
    assert str(some).endswith("Scored: all rows of X, of 1 night of 1 subject.")


def test_frame(result):
    for by in (None, "subject"):
        assert result.to_frame(by).to_dict("list") == result.scores(by)


def test_html(result):
    page = ET.fromstring(result._repr_html_())
    rows = [["".join(c.itertext()) for c in row][:3] for row in page.iter("tr")]
    assert rows[0] == ["stager", "condition", "accuracy"]
    scores = result.scores()
    named = list(zip(scores["estimator"], scores["condition"], strict=True))
    assert [tuple(row[:2]) for row in rows[1:]] == named
    assert str(result).endswith(page.find("table/caption").text)
    first = page.find(".//td/svg")
    titles = [title.text for title in first.iterfind("rect/title")]
    staged = result.predictions(*named[0])
    wake = staged["predicted"][staged["true"] == 0]
    assert f"W predicted as W: {np.mean(wake == 0):.0%}" in titles
