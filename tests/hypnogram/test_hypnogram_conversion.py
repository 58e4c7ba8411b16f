"""Conversions of hypnograms: pandas, JSON, MNE and YASA."""

import json
import sys
import warnings
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.hypnogram import Hypnogram

START = datetime(2024, 5, 1, 22, 30)
ROWS = np.random.default_rng(0).dirichlet(np.ones(5), 4)
ROWS[3] = np.nan  # the last epoch is unscored
NIGHTS = [
    Hypnogram([0, 1, 2, -1]),
    Hypnogram([0, 1, 2, -1], 20.0, -40.0, START, ROWS, "Ã. Lab"),
    Hypnogram([0, 1, 3, -1], start=START.replace(tzinfo=UTC), probabilities=ROWS),
    *(Hypnogram([0, 2, 3, -1], probabilities=ROWS).merge(n) for n in (4, 3, 2)),
]


# --------------------------------------------------------------------------- pandas


@pytest.mark.parametrize("night", NIGHTS)
def test_frame_and_back(night):
    pytest.importorskip("pandas")
    again = Hypnogram.from_frame(night.to_frame(), n_stages=night.n_stages)
    assert again == night


def test_frame():
    pytest.importorskip("pandas")
    frame = NIGHTS[1].to_frame()
    assert list(frame) == [
        *("epoch", "onset", "duration", "stage", "clock_time", "scorer"),
        *("P_W", "P_N1", "P_N2", "P_N3", "P_REM"),
    ]
    assert frame["stage"].tolist() == ["W", "N1", "N2", "n/a"]
    assert frame["clock_time"][1] == START - timedelta(seconds=20)
    np.testing.assert_array_equal(frame.iloc[:, -5:], ROWS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stage": ["W", "N5", "n/a"]}, r"must be W, .*n/a; got 'N5'.*read_hypnogram"),
        (
            {"onset": [0, 30, 90]},
            "'onset' must grow by .* 30 s .* got 90 in row 2, not",
        ),
        ({"onset": [0, np.nan, 60]}, "got nan in row 1"),
        ({"duration": [30, 30, 20]}, "'duration' must be the same in all rows"),
        ({"scorer": ["A", "B", "A"]}, "'scorer' must name one scorer; got A, B"),
    ],
)
def test_frames_that_are_no_hypnogram(change, words):
    pytest.importorskip("pandas")
    frame = Hypnogram([0, 1, -1]).to_frame().assign(**change)
    with pytest.raises(HypnogramError, match=words):
        Hypnogram.from_frame(frame)


def test_frames_that_lack_a_column():
    pytest.importorskip("pandas")
    frame = Hypnogram([0, 1]).to_frame()
    with pytest.raises(HypnogramError, match="columns onset, duration, stage; got 2"):
        Hypnogram.from_frame(frame.drop(columns="duration"))
    with pytest.raises(HypnogramError, match="got 0 rows"):
        Hypnogram.from_frame(frame[:0])


# ----------------------------------------------------------------------------- JSON


@pytest.mark.parametrize("night", [*NIGHTS, Hypnogram([])])
def test_json_and_back(night):
    assert Hypnogram.from_json(night.to_json()) == night


def test_json_is_strict_and_in_words():
    def refuse(name):
        raise AssertionError(name)

    content = json.loads(NIGHTS[1].to_json(), parse_constant=refuse)
    assert content["stages"] == ["W", "N1", "N2", None]
    assert content["probabilities"][3] is None
    assert (content["version"], content["start"]) == (1, "2024-05-01T22:30:00")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("night.json", "the JSON text that to_json returns"),
        ('["W", "N1"]', r"'sleepkit-hypnogram'.*sleepkit\.io\.read_hypnogram"),
        (
            '{"format": "sleepkit-hypnogram", "version": 2}',
            "reads version 1 .*; got 2, of another version of sleepkit",
        ),
        ('{"format": "sleepkit-hypnogram", "version": 1}', "damaged: KeyError"),
        (Hypnogram([0]).to_json().replace('"W"]', '"X"]'), "damaged.*got 'X'"),
        (Hypnogram([0]).to_json().replace('"N1"', '"S1"'), "damaged.*'labels' must"),
    ],
)
def test_json_that_is_no_hypnogram(text, words):
    with pytest.raises(HypnogramError, match=words):
        Hypnogram.from_json(text)


# ------------------------------------------------------------------------------ MNE


@pytest.mark.parametrize("start", [None, START])
def test_mne_and_back(start):
    night = Hypnogram([0, 0, 1, 2, 3, 4, -1], 20.0, 7.5, start)
    annotations = night.to_mne()
    assert annotations.description[5] == "Sleep stage R"
    assert annotations.duration.tolist() == [20] * 7
    again = Hypnogram.from_mne(annotations, epoch_duration=20)
    assert again == night


def test_mne_sets_them_in_a_recording():
    import mne

    raw = mne.io.RawArray(
        np.zeros((1, 12000)), mne.create_info(["C3"], 100.0), verbose=0
    )
    raw.set_meas_date(START.replace(tzinfo=UTC))
    raw.set_annotations(Hypnogram([2, 4], onset=60, start=START).to_mne())
    assert raw.annotations.onset.tolist() == [60, 90]


def test_mne_runs_gaps_and_events():
    import mne

    annotations = mne.Annotations(
        [90, 0, 10, 210],
        [60, 60, 3, 30],
        ["Sleep stage 4", "Sleep stage W", "arousal", "Sleep stage M"],
    )
    found = Hypnogram.from_mne(annotations)
    assert found.stages.tolist() == [0, 0, -1, 3, 3, -1, -1, -1]


@pytest.mark.parametrize(
    "texts",
    [
        ["W", "N1", "N2", "N3", "R"],
        ["Wake", "Sleep stage 1", "Stage 2", "S4", "REM"],
        ["Wach", "Stadium 1", "NREM2", "Tiefschlaf", "Sleep stage R"],
    ],
)
def test_mne_names_of_stages(texts):
    import mne

    onsets = np.arange(5) * 30.0
    annotations = mne.Annotations(onsets, 30, texts)
    annotations.append([10, 60, 100], [5, 30, 0], ["Movement", "artefact", "R"])
    assert Hypnogram.from_mne(annotations).stages.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("onset", "duration", "warns"),
    [
        (30, 30, True),
        (-60, 60, True),  # before the first stage
        (90, 30, True),
        (0, 30, False),  # beside a stage
        (30, 60, False),
        (35, 30, False),
        (30, 12, False),
    ],
)
def test_mne_names_of_nothing_that_fill_epochs(onset, duration, warns):
    import mne

    texts = ["Sleep stage W", "Sleep stage R", "Dozing"]
    annotations = mne.Annotations([0, 60, onset], [30, 30, duration], texts)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = Hypnogram.from_mne(annotations)
    assert found.stages.tolist() == [0, -1, 4]
    named = ["left them out: 'Dozing'" in str(entry.message) for entry in caught]
    assert named == [True] * warns


@pytest.mark.parametrize(
    ("onsets", "durations", "texts", "words"),
    [
        ([0], [30], ["arousal"], r"such as 'Sleep stage W', .* got \['arousal'\]"),
        ([0], [0], ["N2"], "that last a while; got"),
        (
            [0],
            [30],
            ["Sleep stage X"],
            "names of sleep stages; got 'Sleep stage X' at 0 s",
        ),
        ([0], [0], ["Sleep stage W"], "that last a while"),
        ([0, 10], [30, 30], ["Sleep stage W", "Sleep stage R"], "do not overlap"),
    ],
)
def test_mne_annotations_that_are_no_hypnogram(onsets, durations, texts, words):
    import mne

    with pytest.raises(HypnogramError, match=words):
        Hypnogram.from_mne(mne.Annotations(onsets, durations, texts))


# ----------------------------------------------------------------------------- YASA


@pytest.mark.parametrize("night", NIGHTS)
def test_yasa_and_back(night):
    yasa = pytest.importorskip("yasa")
    theirs = night.to_yasa()
    assert isinstance(theirs, yasa.Hypnogram)
    assert theirs.n_stages == night.n_stages
    again = Hypnogram.from_yasa(theirs)
    assert (again.names == night.names).all()
    assert (again.scorer, again.epoch_duration) == (night.scorer, night.epoch_duration)
    assert again.start == night.first_epoch_start
    if night.probabilities is not None:
        np.testing.assert_allclose(again.probabilities, night.probabilities)


def test_yasa_counts_the_same():
    pytest.importorskip("yasa")
    night = Hypnogram(np.repeat([0, 1, 2, 0, 3, 4, 0], [9, 2, 40, 3, 30, 25, 8]))
    theirs = night.to_yasa().sleep_statistics()
    ours = night.statistics()
    shared = {name: ours[name] for name in theirs}
    assert shared == pytest.approx(theirs, abs=5.1e-5)


class Theirs:
    """What YASA's class takes and holds, without pandas."""

    def __init__(self, values, n_stages, *, freq, start, scorer, proba):
        assert proba is None
        self.hypno, self.n_stages, self.start = values, n_stages, start
        self.scorer, self.proba = scorer, proba
        self.sampling_frequency = 1 / float(freq.removesuffix("s"))


@pytest.mark.parametrize("epoch_duration", [30.0, 29.97, 5.0, 0.3])
def test_yasa_stand_in(monkeypatch, epoch_duration):
    monkeypatch.setitem(sys.modules, "yasa", SimpleNamespace(Hypnogram=Theirs))
    zone = timezone(timedelta(hours=2))
    start = START.replace(tzinfo=zone)
    night = Hypnogram([0, 1, 2, 3, 4, -1], epoch_duration, 0.0, start, scorer="A")
    theirs = night.to_yasa()
    assert theirs.hypno == ["WAKE", "N1", "N2", "N3", "REM", "UNS"]
    assert Hypnogram.from_yasa(theirs) == night
    theirs.hypno = ["ART", "N1", "N2", "N3", "REM", "UNS"]
    theirs.scorer = 2
    found = Hypnogram.from_yasa(theirs)
    assert (found.stages[0], found.scorer) == (-1, "2")


def test_yasa_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "yasa", None)
    with pytest.raises(ImportError, match=r"'yasa'.*sleepkit-learn\[yasa\]"):
        Hypnogram([0]).to_yasa()
