import json
from datetime import UTC, datetime, timedelta

import mne
import numpy as np
import pytest

from sleepkit import __version__
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.io import read_hypnogram, write_hypnogram

NAMES = ["night.csv", "sub-01_events.tsv", "sub-01_hypnogram.tsv", "night.edf"]
START = datetime(2024, 5, 1, 22, 30)
FULL = Hypnogram([0, 2, 2, 4, -1], 20.0, 40.0, START, np.full((5, 5), 0.2), "Lab, A")


def random_hypnogram(rng, *, has_probabilities):
    """A hypnogram with runs, unscored ends and gaps, and odd onsets and starts."""
    n_runs = int(rng.integers(1, 300))
    stages = np.repeat(rng.integers(-1, 5, n_runs), rng.integers(1, 9, n_runs))
    start = datetime(1990, 1, 1) + timedelta(seconds=float(rng.uniform(0, 2e9)))
    rows = rng.dirichlet(np.ones(5), len(stages)) if has_probabilities else None
    return Hypnogram(
        stages,
        epoch_duration=float(rng.choice([30, 20, 5, 29.97])),
        onset=float(rng.choice([0, 30, -45, round(rng.uniform(-50, 50), 4)])),
        start=start if rng.random() < 0.7 else None,
        probabilities=rows,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(30))
def test_what_is_written_reads_back_equal(tmp_path, name, seed):
    rng = np.random.default_rng(seed)
    is_table_of_epochs = name in NAMES[:2]
    written = random_hypnogram(rng, has_probabilities=is_table_of_epochs and seed % 2)
    write_hypnogram(tmp_path / name, written)
    read = read_hypnogram(tmp_path / name, epoch_duration=written.epoch_duration)
    np.testing.assert_array_equal(read.stages, written.stages)
    assert read.onset == pytest.approx(written.onset, abs=1e-6)
    if name != "sub-01_hypnogram.tsv":  # its sidecar has the start
        assert read.start == written.start
    if written.probabilities is None:
        assert read.probabilities is None
    else:
        np.testing.assert_allclose(
            read.probabilities, written.probabilities, rtol=0, atol=5.1e-5
        )


def test_csv_to_the_letter(tmp_path):
    path = tmp_path / "night.csv"
    start = datetime(2024, 5, 1, 23, 59, 45)
    write_hypnogram(path, Hypnogram([0, 4, -1], 20, start=start, scorer="A"))
    assert path.read_text() == (
        "epoch,onset,duration,stage,clock_time,scorer\n"
        "0,0.0000,20.0000,W,2024-05-01T23:59:45,A\n"
        "1,20.0000,20.0000,REM,2024-05-02T00:00:05,A\n"
        "2,40.0000,20.0000,n/a,2024-05-02T00:00:25,A\n"
    )


def test_bids_to_the_letter(tmp_path):
    path = tmp_path / "sub-01_task-sleep_events.tsv"
    rows = [[0.123456, 0.876544, 0, 0, 0], [np.nan] * 5]
    write_hypnogram(path, Hypnogram([1, -1], probabilities=rows))
    assert path.read_text() == (
        "onset\tduration\ttrial_type\tP_W\tP_N1\tP_N2\tP_N3\tP_REM\n"
        "0.0000\t30.0000\tN1\t0.1235\t0.8765\t0.0000\t0.0000\t0.0000\n"
        "30.0000\t30.0000\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\n"
    )


def test_bids_derivative_to_the_letter(tmp_path):
    path = tmp_path / "sub-01_task-sleep_hypnogram.tsv"
    with pytest.warns(SleepkitWarning, match="'bids-derivative' .* probabilities, "):
        write_hypnogram(path, FULL)
    assert path.read_text() == (
        "onset\tduration\tstage\tscorer\n"
        "40.0000\t20.0000\tW\tLab, A\n"
        "60.0000\t40.0000\tN2\tLab, A\n"
        "100.0000\t20.0000\tREM\tLab, A\n"
        "120.0000\t20.0000\tn/a\tLab, A\n"
    )
    sidecar = json.loads(path.with_suffix(".json").read_text())
    assert sidecar["GeneratedBy"] == [{"Name": "sleepkit", "Version": __version__}]
    assert (sidecar["Scorer"], sidecar["EpochLength"]) == ("Lab, A", 20)
    assert sidecar["StartTime"] == "2024-05-01T22:30:00"
    assert list(sidecar["stage"]["Levels"]) == ["W", "N1", "N2", "N3", "REM", "n/a"]
    assert sidecar["onset"]["Units"] == "s"


def test_luna_to_the_letter(tmp_path):
    path = tmp_path / "night.annot"
    write_hypnogram(path, Hypnogram([0, 4, -1], onset=30.5))
    assert path.read_text() == (
        "class\tinstance\tchannel\tstart\tstop\tmeta\n"
        "W\t.\t.\t30.5000\t60.5000\t.\n"
        "R\t.\t.\t60.5000\t90.5000\t.\n"
        "?\t.\t.\t90.5000\t120.5000\t.\n"
    )


def test_edfbrowser_to_the_letter(tmp_path):
    path = tmp_path / "night.csv"
    write_hypnogram(path, Hypnogram([1, 4], 20), format="edfbrowser")
    assert path.read_text() == (
        "onset,label,duration\n"
        "0.0000,Sleep stage N1,20.0000\n"
        "20.0000,Sleep stage R,20.0000\n"
    )


@pytest.mark.parametrize("hypnogram", [FULL, FULL.merge(3)])
def test_json_has_every_field(tmp_path, hypnogram):
    path = tmp_path / "night.json"
    write_hypnogram(path, hypnogram)
    assert Hypnogram.from_json(path.read_text(encoding="utf-8")) == hypnogram


@pytest.mark.parametrize("name", ["edf", "luna", "edfbrowser"])
def test_what_has_no_place_is_named(tmp_path, name):
    path = tmp_path / "night"
    words = f"'{name}' has no place for probabilities and scorer, which are left out"
    with pytest.warns(SleepkitWarning, match=words):
        write_hypnogram(path, FULL, format=name)
    assert path.exists()


def test_time_zone_is_kept_in_tables(tmp_path):
    start = datetime(2024, 5, 1, 22, tzinfo=UTC)
    write_hypnogram(tmp_path / "a.csv", Hypnogram([0], start=start))
    read = read_hypnogram(tmp_path / "a.csv")
    assert read.start == start
    assert read.start.tzinfo is not None


def test_edf_opens_in_mne(tmp_path):
    path = tmp_path / "night.edf"
    write_hypnogram(path, Hypnogram([0, 1, 2, 3, 4, -1], start=START))
    annotations = mne.read_annotations(path)
    expected = [f"Sleep stage {name}" for name in ("W", "N1", "N2", "N3", "R", "?")]
    assert annotations.description.tolist() == expected
    np.testing.assert_array_equal(annotations.onset, np.arange(6) * 30)
    np.testing.assert_array_equal(annotations.duration, 30)


def test_edf_is_to_the_standard(tmp_path):
    """EDF+ of annotations only: one record of duration 0, printable ASCII header."""
    path = tmp_path / "night.edf"
    write_hypnogram(path, Hypnogram([0, 2] * 480, start=START))
    data = path.read_bytes()
    assert data[:8] == b"0       "
    assert data[168:184] == b"01.05.2422.30.00"
    assert data[192:197] == b"EDF+C"
    assert (int(data[236:244]), float(data[244:252]), int(data[252:256])) == (1, 0, 1)
    assert data[256:272] == b"EDF Annotations "
    n_samples = int(data[472:480])
    assert len(data) == 512 + 2 * n_samples
    assert 2 * n_samples <= 61_440  # the largest data record that EDF allows
    assert data[:512].decode("ascii").isprintable()
    assert data[512:].startswith(b"+0\x14\x14\x00+0\x1530\x14Sleep stage W\x14\x00")


def test_format_overrides_the_suffix(tmp_path):
    write_hypnogram(tmp_path / "a.txt", [0, 1], format="bids")
    np.testing.assert_array_equal(read_hypnogram(tmp_path / "a.txt"), [0, 1])


@pytest.mark.parametrize(
    ("name", "existing"),
    [("a.csv", "a.csv"), ("a_hypnogram.tsv", "a_hypnogram.json")],
)
def test_a_file_is_replaced_on_request_only(tmp_path, name, existing):
    (tmp_path / existing).write_text("old")
    with pytest.raises(FileExistsError, match=rf"{existing} exists; overwrite=True"):
        write_hypnogram(tmp_path / name, [0])
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
    write_hypnogram(tmp_path / name, [0], overwrite=True)
    assert {file.name for file in tmp_path.iterdir()} == {name, existing}
    assert "old" not in [file.read_text() for file in tmp_path.iterdir()]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail(*_):
        msg = "disk full"
        raise OSError(msg)

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_hypnogram(path, [0], overwrite=True)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "hypnogram", "words"),
    [
        ("a.csv", [], "at least one epoch; got none"),
        ("a.csv", [0, 5], r"-1 unscored\). Got \[5\] instead"),
        ("a.csv", [0.5], "flat array of stage codes"),
        ("a.csv", [np.nan], "flat array of stage codes"),
        ("a.csv", [[0, 1]], "flat array of stage codes"),
        ("a.csv", ["W"], "flat array of stage codes"),
        (
            "a.xml",
            [0],
            r"suffix must be one of .csv, .tsv, _hypnogram.tsv, .edf, .annot, .json; "
            "got 'a.xml'",
        ),
        ("a.edf", Hypnogram([0], start=datetime(1984, 12, 31)), "from 1985 to 2084"),
        (
            "a.edf",
            Hypnogram([0], start=datetime(2024, 1, 1, tzinfo=UTC)),
            "without time zone",
        ),
        ("a.annot", Hypnogram([0, 1], onset=-30), r"at -30 s: crop\(0\)"),
        *(
            (name, Hypnogram([0, 2]).merge(4), "cannot store merged stages; got W, Li")
            for name in (*NAMES, "a.annot")
        ),
    ],
)
def test_what_cannot_be_written(tmp_path, name, hypnogram, words):
    with pytest.raises(HypnogramError, match=words):
        write_hypnogram(tmp_path / name, hypnogram)
    assert not list(tmp_path.iterdir())


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match=r"'csv', 'bids', .*'json'\. Got 'xml'"):
        write_hypnogram(tmp_path / "a.csv", [0], format="xml")
