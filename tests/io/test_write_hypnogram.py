from datetime import UTC, datetime, timedelta

import mne
import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import Hypnogram, read_hypnogram, write_hypnogram

NAMES = ["night.csv", "sub-01_events.tsv", "night.edf"]


def random_hypnogram(rng):
    """A hypnogram with runs, unscored ends and gaps, and odd onsets and starts."""
    n_epochs = int(rng.integers(1, 300))
    start = datetime(1990, 1, 1) + timedelta(seconds=float(rng.uniform(0, 2e9)))
    return Hypnogram(
        np.repeat(rng.integers(-1, 5, n_epochs), rng.integers(1, 9, n_epochs)),
        epoch_duration=float(rng.choice([30, 20, 5, 29.97])),
        onset=float(rng.choice([0, 30, -45, round(rng.uniform(-50, 50), 6)])),
        start=start if rng.random() < 0.7 else None,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(30))
def test_what_is_written_reads_back_equal(tmp_path, name, seed):
    rng = np.random.default_rng(seed)
    written = random_hypnogram(rng)
    probabilities = None
    if not name.endswith(".edf") and seed % 2:
        probabilities = rng.dirichlet(np.ones(5), len(written))
    write_hypnogram(tmp_path / name, written, probabilities=probabilities)
    read = read_hypnogram(tmp_path / name, epoch_duration=written.epoch_duration)
    np.testing.assert_array_equal(read.stages, written.stages)
    assert read.onset == written.onset
    assert read.start == written.start
    if probabilities is None:
        assert read.probabilities is None
    else:
        np.testing.assert_array_equal(read.probabilities, probabilities)


def test_float32_probabilities_are_short_and_exact(tmp_path):
    path = tmp_path / "night.csv"
    probabilities = np.float32([[0.1, 0.2, 0.3, 0.4, 0.0]])
    write_hypnogram(path, [3], probabilities=probabilities)
    assert path.read_text().endswith("0,0.0,30.0,N3,0.1,0.2,0.3,0.4,0.0\n")
    read = read_hypnogram(path).probabilities.astype(np.float32)
    np.testing.assert_array_equal(read, probabilities)


def test_csv_to_the_letter(tmp_path):
    path = tmp_path / "night.csv"
    start = datetime(2024, 5, 1, 23, 59, 45)
    write_hypnogram(path, [0, 4, -1], start=start, epoch_duration=20)
    assert path.read_text() == (
        "epoch,onset,duration,stage,clock_time\n"
        "0,0.0,20.0,W,2024-05-01T23:59:45\n"
        "1,20.0,20.0,REM,2024-05-02T00:00:05\n"
        "2,40.0,20.0,n/a,2024-05-02T00:00:25\n"
    )


def test_bids_to_the_letter(tmp_path):
    path = tmp_path / "sub-01_task-sleep_events.tsv"
    write_hypnogram(path, [1, -1], probabilities=np.eye(5)[:2])
    assert path.read_text() == (
        "onset\tduration\ttrial_type\tP_W\tP_N1\tP_N2\tP_N3\tP_REM\n"
        "0.0\t30.0\tN1\t1.0\t0.0\t0.0\t0.0\t0.0\n"
        "30.0\t30.0\tn/a\t0.0\t1.0\t0.0\t0.0\t0.0\n"
    )


def test_time_zone_is_kept_in_tables(tmp_path):
    start = datetime(2024, 5, 1, 22, tzinfo=UTC)
    write_hypnogram(tmp_path / "a.csv", [0], start=start)
    read = read_hypnogram(tmp_path / "a.csv")
    assert read.start == start
    assert read.start.tzinfo is not None


def test_edf_opens_in_mne(tmp_path):
    path = tmp_path / "night.edf"
    write_hypnogram(path, [0, 1, 2, 3, 4, -1], start=datetime(2024, 5, 1, 22, 30))
    annotations = mne.read_annotations(path)
    expected = [f"Sleep stage {name}" for name in ("W", "N1", "N2", "N3", "R", "?")]
    assert annotations.description.tolist() == expected
    np.testing.assert_array_equal(annotations.onset, np.arange(6) * 30)
    np.testing.assert_array_equal(annotations.duration, 30)


def test_edf_is_to_the_standard(tmp_path):
    """EDF+ of annotations only: one record of duration 0, printable ASCII header."""
    path = tmp_path / "night.edf"
    write_hypnogram(path, [0, 2] * 480, start=datetime(2024, 5, 1, 22, 30))
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


def test_a_hypnogram_keeps_its_onset_and_epoch_duration(tmp_path):
    read = Hypnogram([0, 1], 20.0, 3.5, datetime(2020, 1, 1))
    write_hypnogram(tmp_path / "a.csv", read, start=datetime(2021, 1, 1))
    again = read_hypnogram(tmp_path / "a.csv", epoch_duration=20)
    assert (again.onset, again.start) == (3.5, datetime(2021, 1, 1))


def test_format_overrides_the_suffix(tmp_path):
    write_hypnogram(tmp_path / "a.txt", [0, 1], format="bids")
    np.testing.assert_array_equal(read_hypnogram(tmp_path / "a.txt"), [0, 1])


def test_the_old_file_is_replaced_and_nothing_left_behind(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    write_hypnogram(path, [0])
    assert path.read_text().startswith("epoch")
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail(*_):
        msg = "disk full"
        raise OSError(msg)

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_hypnogram(path, [0])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "stages", "parameters", "words"),
    [
        ("a.csv", [], {}, "at least one epoch; got none"),
        ("a.csv", [0, 5], {}, r"-1 unscored\). Got \[5\] instead"),
        ("a.csv", [0.5], {}, "flat array of stage codes"),
        ("a.csv", [np.nan], {}, "flat array of stage codes"),
        ("a.csv", [[0, 1]], {}, "flat array of stage codes"),
        ("a.csv", ["W"], {}, "flat array of stage codes"),
        ("a.csv", [0], {"probabilities": np.ones((2, 5))}, r"\(1, 5\); got \(2, 5\)"),
        ("a.xml", [0], {}, r"suffix must be one of .csv, .tsv, .edf; got 'a.xml'"),
        (
            "a.edf",
            [0],
            {"probabilities": np.ones((1, 5))},
            "cannot store probabilities",
        ),
        ("a.edf", [0], {"start": datetime(1984, 12, 31)}, "from 1985 to 2084"),
        (
            "a.edf",
            [0],
            {"start": datetime(2024, 1, 1, tzinfo=UTC)},
            "without time zone",
        ),
    ],
)
def test_what_cannot_be_written(tmp_path, name, stages, parameters, words):
    with pytest.raises(HypnogramError, match=words):
        write_hypnogram(tmp_path / name, stages, **parameters)
    assert not list(tmp_path.iterdir())


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match=r"'csv', 'bids', 'edf'\. Got 'xml'"):
        write_hypnogram(tmp_path / "a.csv", [0], format="xml")
