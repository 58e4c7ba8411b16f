from datetime import date, datetime, time

import edfio
import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram

W, N2, UNKNOWN = "Sleep stage W", "Sleep stage 2", "Sleep stage ?"
RUNS = [(0, 60, W), (60, 90, N2), (150, 30, "Sleep stage 4"), (180, 3600, UNKNOWN)]
EXPECTED = [0, 0, 2, 2, 2, 3, *[-1] * 120]


@pytest.fixture
def write(tmp_path):
    """Write annotations as EDF+; returns the path."""

    def write_edf(annotations, *, signals=(), kind=edfio.Edf, **header):
        path = tmp_path / "night.edf"
        annotations = [edfio.EdfAnnotation(*a) for a in annotations]
        kind(signals, annotations=annotations, **header).write(path)
        return path

    return write_edf


def test_file_of_its_own(write):
    hypnogram = read_hypnogram(write(RUNS))
    np.testing.assert_array_equal(hypnogram, EXPECTED)


def test_beside_the_signals(write):
    signal = edfio.EdfSignal(np.arange(-3000.0, 3000), 100, label="EEG")
    np.testing.assert_array_equal(
        read_hypnogram(write(RUNS, signals=[signal])), EXPECTED
    )


def test_bdf(write):
    signal = edfio.BdfSignal(np.arange(-3000.0, 3000), 100, label="EEG")
    path = write(RUNS, signals=[signal], kind=edfio.Bdf)
    np.testing.assert_array_equal(read_hypnogram(path), EXPECTED)


def test_one_annotation_an_epoch_from_a_fraction_of_a_second(write):
    onsets = [round(8.0039 + 30 * i, 3) for i in range(60)]
    codes = np.arange(60) % 5
    names = ["W", "1", "2", "3", "R"]
    labels = [f"Sleep stage {names[code]}" for code in codes]
    hypnogram = read_hypnogram(write(zip(onsets, [30] * 60, labels, strict=True)))
    np.testing.assert_array_equal(hypnogram, codes)
    assert hypnogram.onset == 8.004


def test_other_events_are_passed_over(write):
    others = [
        (3, 2, '<Event channel="EEG C4-LER" groupName="MicroArousal"/>'),
        (12, None, "Lights off"),
        (40, 100, "Hypopnea"),
        (60, 10, ""),
    ]
    np.testing.assert_array_equal(read_hypnogram(write(RUNS + others)), EXPECTED)


def test_latin_1_text(write):
    path = write([*RUNS, (33, 1, "Muell")])
    path.write_bytes(path.read_bytes().replace(b"Mue", b"M\xfce"))
    np.testing.assert_array_equal(read_hypnogram(path), EXPECTED)


def test_integers_in_a_scheme(write):
    path = write([(0, 30, "0"), (30, 30, "5"), (40, 2, "Arousal")])
    np.testing.assert_array_equal(read_hypnogram(path, scheme="rk"), [0, 4])
    with pytest.raises(HypnogramError, match="need a scheme"):
        read_hypnogram(path)


def test_start(write):
    day = edfio.Recording(startdate=date(1989, 4, 24))
    path = write(RUNS, recording=day, starttime=time(16, 13, 5, 250_000))
    hypnogram = read_hypnogram(path)
    assert hypnogram.start == datetime(1989, 4, 24, 16, 13, 5, 250_000)
    assert hypnogram.onset == 0


def test_start_whose_date_was_removed_keeps_the_time_of_day(write):
    path = write(RUNS, starttime=time(16, 13, 5))
    assert read_hypnogram(path).start == datetime(1985, 1, 1, 16, 13, 5)


@pytest.mark.parametrize("field", [b"00.00.00", b"        "])
def test_damaged_start_is_no_obstacle(write, field):
    path = write(RUNS)
    data = path.read_bytes()
    path.write_bytes(data[:168] + field * 2 + data[184:])
    hypnogram = read_hypnogram(path)
    assert hypnogram.start is None
    np.testing.assert_array_equal(hypnogram, EXPECTED)


def test_no_stage_among_the_annotations(write):
    with pytest.raises(HypnogramError, match=r"night\.edf: .*'Arousal' \(annotation 1"):
        read_hypnogram(write([(0, 3, "Arousal")]))


def test_no_annotations(tmp_path):
    path = tmp_path / "night.edf"
    edfio.Edf([edfio.EdfSignal(np.arange(100.0), 100)]).write(path)
    with pytest.raises(HypnogramError, match="must hold labels of sleep stages"):
        read_hypnogram(path)


@pytest.mark.parametrize("size", [8, 100, 256, 300, 512])
def test_cut_in_the_header(write, size):
    path = write(RUNS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(HypnogramError, match=r"night\.edf: "):
        read_hypnogram(path)


def test_junk_after_the_first_bytes(tmp_path):
    path = tmp_path / "junk.edf"
    junk = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    path.write_bytes(b"0       " + junk.tobytes())
    with pytest.raises(HypnogramError, match=r"junk\.edf: "):
        read_hypnogram(path)
