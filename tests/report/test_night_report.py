from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from sleepkit.hypnogram import Hypnogram
from sleepkit.metrics import modality_contribution, sleep_statistics
from sleepkit.pipelines import StagedNight
from sleepkit.preprocessing import QualityMask
from sleepkit.recording import Recording, Signal, as_epoch_array
from sleepkit.report import night_report
from sleepkit.report._agreement import compare
from sleepkit.report._overview import draw_overview
from sleepkit.report._page import Picture
from tests.report.conftest import HOSTILE
from tests.report.outline import Outline

IN_NUMBERS = "The night in numbers"
DASH = "\N{EN DASH}"


@pytest.fixture(scope="session")
def outline(page):
    return Outline(page)


def make_night(stages, **options):
    """A night of EEG alone, 20 samples a second, with stages of its own."""
    slow = np.cumsum(np.random.default_rng(0).normal(size=600 * len(stages)))
    eeg = Signal(slow[np.newaxis], 20, ["C4-M1"])
    return Recording(id="n", subject="s", signals={"eeg": eeg}, **options)


@pytest.fixture
def report_of(monkeypatch):
    """``report_of(stages, expert=None, **options)``: outline, without the picture."""

    def write(stages, expert=None, **options):
        night = make_night(stages, hypnogram=expert, **options)
        return Outline(night_report(Hypnogram(stages), night))

    nothing = Picture("", "", "", "")
    monkeypatch.setattr(
        "sleepkit.report._night_report.draw_overview", lambda *_: nothing
    )
    return write


def test_nothing_of_a_file_is_read_as_html(page, outline):
    assert not outline.all("script")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page


def test_the_page_holds_all_it_shows(page, outline):
    images = outline.all("img") + outline.all("source")
    assert len(images) == 2 * 2  # the night and the modalities, wide and narrow
    places = [image.get("src") or image["srcset"] for image in images]
    assert all(place.startswith("data:image/png;base64,") for place in places)
    assert not outline.all("link")
    assert "url(" not in page
    assert len(page) < 1_000_000


def test_the_same_night_gives_the_same_page(write_page, page):
    assert write_page() == page


def test_pictures_say_in_words_what_they_show(staged, outline):
    _, night, found = staged
    first, second = (image["alt"] for image in outline.all("img"))
    stages, expert = found.hypnogram.stages, night.hypnogram
    assert first.startswith("60 epochs from 22:30:00 to 23:00:00: ")
    assert f"{np.sum(stages == 2)} N2" in first
    assert f"the two differ in {np.sum(stages != expert)} of 60 epochs" in first
    assert "On average eeg +" in second or "On average eeg -" in second


def test_tables_are_tables(outline):
    assert len(outline.tables) == len(outline.all("table"))
    assert {cell.get("scope") for cell in outline.all("th")} == {
        "col",
        "colgroup",
        "row",
    }
    assert len(outline.all("h1")) == 1
    sections = {each["aria-labelledby"] for each in outline.all("section")}
    assert sections == {each.get("id") for each in outline.all("h2")}


def test_statistics_are_those_of_metrics(staged, outline):
    _, night, found = staged
    rows = {row[0].partition(")")[0]: row for row in outline.table(IN_NUMBERS)}
    ours, experts = map(sleep_statistics, (found.hypnogram, night.hypnogram))
    for name in ("Time in bed (TIB", "Total sleep time (TST", "Sleep latency (SOL"):
        key = name.rpartition("(")[2]
        values = [f"{each[key]:.1f}\xa0min" for each in (ours, experts)]
        assert rows[name][1:] == [" ".join(value.split()) for value in values]


def test_two_definitions_only_where_they_differ(report_of):
    stages = 4 * [0] + 30 * [2] + 4 * [4] + [2]
    rows = [row[0] for row in report_of(stages).table(IN_NUMBERS)]
    waso = [row for row in rows if row.startswith("Wake after sleep onset")]
    assert waso == [
        "Wake after sleep onset (WASO_AASM)AASM and YASA: wake from the first epoch of "
        "sleep to lights on."
    ]
    assert [row.partition(":")[0] for row in rows if row.startswith("REM latency")] == [
        "REM latency (Lat_REM_onset)AASM",
        "REM latency (Lat_REM)YASA",
    ]
    rows = [row[0] for row in report_of([*stages[4:], 0, 0]).table(IN_NUMBERS)]
    assert sum(row.startswith("Wake after sleep onset") for row in rows) == 2
    assert sum(row.startswith("REM latency") for row in rows) == 1


def test_a_statistic_that_is_not_defined_says_why(report_of):
    rows = report_of([0] * 12).table(IN_NUMBERS)
    values = {row[0].partition(")")[0]: row[1] for row in rows}
    assert values["Sleep latency (SOL"] == "no sleep"
    assert values["REM latency (Lat_REM_onset"] == "no REM"


def test_lights_bound_the_time_in_bed(report_of):
    stages = 4 * [0] + 30 * [2]
    lights = report_of(stages, lights_off=60.0, lights_on=960.0)
    rows = {row[0].partition(")")[0]: row for row in lights.table(IN_NUMBERS)}
    assert rows["Time in bed (TIB"][1] == "15.0 min"
    assert rows["Sleep latency (SOL"][1] == "1.0 min"


def test_agreement_on_one_stage_alone():
    found = compare(np.zeros(10), np.zeros(10))
    assert found.words.endswith("kappa not defined, since both have one stage alone.")
    assert compare(np.zeros(2), np.full(2, -1)) is None


def test_a_night_without_an_epoch_to_check(report_of):
    outline = report_of(10 * [2])
    assert not [caption for caption in outline.tables if "numbered" in caption]


def test_cycles(report_of):
    stages = 20 * [0] + 120 * [2] + 20 * [4] + 100 * [3] + 40 * [4] + 10 * [0]
    assert report_of(stages).table("Feinberg")[1:] == [
        ["1", "0:10:00", "1:10:00", "1:20:00", "70.0 min", "60.0 min", "10.0 min"],
        ["2", "1:20:00", "2:10:00", "2:30:00", "70.0 min", "50.0 min", "20.0 min"],
    ]


def test_epochs_to_check_first(staged, outline):
    """The dead stretch is one line, then the least sure epochs follow."""
    _, _, found = staged
    first, *others = outline.table("Epochs are numbered from 0")[1:]
    assert first[:2] == ["20 to 24", "22:40:00"]
    assert first[-1].startswith("bad signal in 5 epochs; eeg flat; eog flat")
    assert [int(row[0]) for row in others] == found.doubtful[5:24].tolist()
    for number, _, stage, _, expert, why in others:
        row = found.hypnogram.probabilities[int(number)]
        code = row.argmax()
        name = ("W", "N1", "N2", "N3", "REM")[code]
        assert stage == f"{name} {100 * row[code]:.0f} %"
        assert why.startswith("low probability")
        assert ("differs from the expert" in why) == (expert != name)


def test_stages_without_probabilities_are_compared_with_the_expert(report_of):
    expert = 10 * [2]
    expert[3] = 1
    outline = report_of(10 * [2], expert)
    rows = outline.table("Epochs are numbered from 0")[1:]
    assert rows == [["3", "0:01:30", "N2", "N1", "differs from the expert"]]
    confusions = outline.table("Epochs by the expert's stage")[1:]
    assert [row[1:] for row in confusions][:3] == [
        ["0", "0", "0", "0", "0", DASH],
        ["0", "0", "1", "0", "0", "0 %"],
        ["0", "0", "9", "0", "0", "100 %"],
    ]


def test_channels_and_what_is_missing(outline):
    rows = outline.table("What was used")[1:]
    assert [row[0] for row in rows] == ["eeg", "eog", "emg"]
    assert rows[0][1:] == [HOSTILE, "100 Hz", "8 %", "flat 8 %"]
    assert rows[2][1].startswith("missing: no label is known as emg")


def test_modalities_and_model(page, outline):
    rows = outline.table("Mean of what each modality adds")
    assert rows[0][:2] == ["Modality", "all epochs"]
    assert [row[0] for row in rows[1:]] == ["eeg", "eog"]
    by_mean = max(rows[1:], key=lambda row: float(row[1]))
    assert f"{by_mean[0]} carried most" in page
    assert outline.table("Reaches, as the model file")[1:] == [["kappa", "0.500"]]


def test_words_for_research_and_versions(page):
    assert page.count("for research; not a medical device") == 2
    for words in ("A stager.", "N2 fills all of the night.", "scikit-learn"):
        assert words in page


def of_channels(stages, sfreq=20, **signals):
    """A night of signals by modality, each with a channel for each row."""
    return Recording(
        id="n",
        subject="s",
        signals={
            name: Signal(rows, sfreq, [f"{name} {i}" for i in range(len(rows))])
            for name, rows in signals.items()
        },
        hypnogram=stages,
    )


def caption_of(night):
    flags = QualityMask().report(night)
    return draw_overview(night, Hypnogram(night.hypnogram), flags).caption


@pytest.mark.usefixtures("without_rendering")
@pytest.mark.parametrize(
    ("eeg", "eog", "top"),
    [
        ([0, 1], [1], "spectrogram of eeg 1, stages"),
        ([0, 0], [1], "spectrogram of eog 0, stages"),
        ([0, 0], [0], "bottom: stages of the expert"),
    ],
)
def test_the_spectrogram_is_of_a_channel_that_is_not_dead(eeg, eog, top):
    slow = np.cumsum(np.random.default_rng(0).normal(size=6000))
    signals = {"eeg": np.outer(eeg, slow), "eog": np.outer(eog, slow)}
    night = of_channels(10 * [2], **signals)
    assert top in caption_of(night)


@pytest.mark.usefixtures("without_rendering")
def test_an_envelope_has_no_spectrogram():
    values = np.random.default_rng(0).random((1, 300))
    night = of_channels(10 * [2], sfreq=1, emg=values)
    assert "spectrogram" not in caption_of(night)


def test_one_clock(monkeypatch):
    """Where the file of the stages alone knows the start, and has an onset."""
    figures = []
    monkeypatch.setattr(
        "sleepkit.report._overview.to_uri", lambda figure: figures.append(figure) or ""
    )
    stages = Hypnogram(40 * [2], start=datetime(2024, 2, 3, 23, 49), onset=60.0)
    night = make_night(stages.stages, lights_off=120.0)
    outline = Outline(night_report(stages, night))
    (panel,) = (ax for ax in figures[0].axes if ax.get_ylabel() == "stage")
    names = [label.get_text() for label in panel.get_xticklabels()]
    assert (names[0], names[-1]) == ("23:50", "00:10")
    assert outline.all("img")[0]["alt"].startswith("40 epochs from 23:50:00 to 00:10")
    rows = {row[0].partition(")")[0]: row for row in outline.table(IN_NUMBERS)}
    assert rows["Time in bed (TIB"][1] == "18.0 min"
    assert "from lights off to the end of the recording" in rows["Time in bed (TIB"][0]
    assert outline.table("Feinberg")[1][1] == "23:50:00"


@pytest.mark.usefixtures("without_rendering")
def test_epochs_that_nobody_scored_or_no_signal_has(staged):
    """The expert's gap is staged; what is flagged counts in no contribution."""
    stager, night, found = staged
    expert = np.array(night.hypnogram)
    expert[2:6] = -1
    page = night_report(found, night.replace(hypnogram=expert), stager=stager)
    outline = Outline(page)
    assert "of 56 epochs that both have scored agree" in page
    proba = modality_contribution(stager, as_epoch_array(night))["eeg"]
    mean = proba[~found.flagged].mean()
    (eeg,) = (row for row in outline.table("Mean of what each") if row[0] == "eeg")
    assert eeg[1] == f"{mean:+.2f}"
    assert "are grey; no mean has them" in page


def test_other_epochs_are_refused(staged):
    _, night, found = staged
    with pytest.raises(ValueError, match=r"the 60 epochs of 30 s of .*; got 5 stages"):
        night_report(Hypnogram([0, 2]), night)
    with pytest.raises(ValueError, match="got 3 stages of 60 epochs"):
        night_report(found.hypnogram.merge(3), night)


@pytest.mark.usefixtures("without_rendering")
def test_unscored_epochs():
    night = make_night(10 * [2])
    stages = np.array([-1, *9 * [2]])
    probabilities = np.where(stages[:, np.newaxis] == 2, [0, 0, 1, 0, 0], np.nan)
    hypnogram = replace(Hypnogram(stages), probabilities=probabilities)
    outline = Outline(night_report(StagedNight(hypnogram, stages < 0), night))
    assert outline.all("img")[0]["alt"].endswith("9 N2, 1 unscored.")
    assert ["unscored", "0.5", DASH] in outline.table("Time in each stage")
    (row,) = outline.table("Epochs are numbered from 0")[1:]
    assert row == ["0", "0:00:00", "unscored", "bad signal"]
    outline = night_report(StagedNight(hypnogram, np.zeros(10, bool)), night)
    assert "There is none. 1 epochs are unscored." in outline
