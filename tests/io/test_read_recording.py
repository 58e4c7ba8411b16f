from __future__ import annotations

import pickle
import warnings
from collections import Counter
from datetime import date, datetime, time

import edfio
import mne
import numpy as np
import pytest

from sleepkit.exceptions import (
    ChannelError,
    DiscontinuousRecordingError,
    HypnogramError,
    RecordingError,
    SleepkitWarning,
)
from sleepkit.hypnogram import Hypnogram
from sleepkit.io import (
    describe_channels,
    read_recording,
    write_hypnogram,
)


def write_annotations(path, onsets, texts, *, minute=0):
    """A hypnogram in EDF+ that starts at that minute after 22 h."""
    annotations = [
        edfio.EdfAnnotation(onset, 30, f"Sleep stage {text}")
        for onset, text in zip(onsets, texts, strict=True)
    ]
    edfio.Edf(
        [],
        recording=edfio.Recording(startdate=date(2020, 3, 2)),
        starttime=time(22, minute),
        annotations=annotations,
    ).write(path)
    return path


def test_a_night(write_edf):
    path = write_edf(
        [
            write_edf.Channel("EEG(sec)", 125),
            write_edf.Channel("EOG(L)", 50),
            write_edf.Channel("EOG(R)", 50),
            write_edf.Channel("ECG", 250, "mV", (-5, 5)),
            write_edf.Channel("LIGHT", 1, ""),
        ],
        100,
    )
    night = read_recording(path, hypnogram=[0, 1, -1], subject="shhs:1")
    assert (night.id, night.subject) == ("night", "shhs:1")
    assert night.start == datetime(2020, 3, 2, 22)
    assert night.hypnogram.tolist() == [0, 1, -1]
    assert night.modalities == ("eeg", "eog", "ecg")
    rates = {name: signal.sfreq for name, signal in night.signals.items()}
    assert rates == {"eeg": 125, "eog": 50, "ecg": 250}
    assert night.signals["eog"].ch_names == ("EOG(L)", "EOG(R)")
    assert night.signals["ecg"].shape == (1, 25_000)
    assert night.signals["ecg"].valid is None


def test_nothing_but_the_header_is_read_at_once(write_edf):
    path = write_edf()
    night = read_recording(path)
    assert not night.signals["eeg"].is_loaded
    assert len(pickle.dumps(night)) < 3000
    assert night.subject == "night"
    assert night.hypnogram is None
    path.unlink()
    assert night.signals["eeg"].shape == (1, 6000)
    with pytest.raises(FileNotFoundError):
        _ = night.signals["eeg"].data


def test_id_and_subject_default_to_the_name_of_the_file(write_edf):
    path = write_edf()
    for names, expected in [
        ({}, ("night", "night")),
        ({"id": "shhs1-1"}, ("shhs1-1", "shhs1-1")),
        ({"subject": "shhs:1"}, ("night", "shhs:1")),
        ({"id": "shhs1-1", "subject": "shhs:1"}, ("shhs1-1", "shhs:1")),
    ]:
        night = read_recording(path, **names)
        assert (night.id, night.subject) == expected


def test_channels_are_chosen_and_brought_to_microvolts(write_edf):
    left = write_edf.Channel("EOG(L)", unit="mV", physical=(-0.5, 0.5))
    right = write_edf.Channel("EOG(R)", unit="uV", physical=(-500, 500))
    path = write_edf([left, right])
    night = read_recording(path, channels={"eog": [("EOG(L)", "EOG(R)")]})
    eog = night.signals["eog"]
    assert eog.ch_names == ("EOG(L)-EOG(R)",)
    expected = left.values(1e3) - right.values()
    np.testing.assert_allclose(eog.data[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("unit", "physical"),
    [
        ("uV", (-500, 500)),
        ("uv", (-500, 500)),
        (b"\xb5V", (-500, 500)),
        ("\N{MICRO SIGN}V".encode(), (-500, 500)),
        ("\N{GREEK SMALL LETTER MU}V".encode(), (-500, 500)),
        ("mV", (-0.5, 0.5)),
        ("V", (-0.0005, 0.0005)),
        ("Volts", (-0.0005, 0.0005)),
        ("nV", (-500_000, 500_000)),
    ],
)
def test_units(write_edf, unit, physical):
    channel = write_edf.Channel(unit=unit, physical=physical)
    data = read_recording(write_edf([channel])).signals["eeg"].data
    expected = (channel.digits + 32768) / 65535 * 1000 - 500
    np.testing.assert_allclose(data[0], expected, atol=1e-3)


@pytest.mark.parametrize("unit", ["", "%", "uV-mrs"])
def test_missing_units_must_be_given(write_edf, unit):
    path = write_edf([write_edf.Channel("C3-A2", unit=unit)])
    with pytest.raises(ChannelError, match=f"'C3-A2' needs a unit .* says '{unit}'"):
        read_recording(path)
    night = read_recording(path, units={"C3-A2": "uV"})
    assert 10 < night.signals["eeg"].data.std() < 100


def test_an_unlikely_scale_warns_when_the_samples_are_read(write_edf):
    path = write_edf([write_edf.Channel(physical=(-0.5, 0.5))])
    night = read_recording(path)
    with pytest.warns(SleepkitWarning, match="'C3-M2' .* millivolts or volts"):
        _ = night.signals["eeg"].data
    _ = read_recording(path, units={"C3-M2": "mV"}).signals["eeg"].data
    _ = read_recording(path, channels={"emg": "C3-M2"}).signals["emg"].data


def test_flat_and_clipped_channels_are_read_as_they_are(write_edf):
    digits = np.random.default_rng(0).integers(-3000, 3000, 6000)
    digits[:1000], digits[1000:2000] = 7, 32767
    path = write_edf([write_edf.Channel(digits=digits)])
    data = read_recording(path).signals["eeg"].data
    assert np.ptp(data[0, :1000]) == 0
    (row,) = describe_channels(path)
    assert data[0, 1000:2000] == pytest.approx(row.physical_max)


def test_duplicated_labels_need_a_position(write_edf):
    pair = [write_edf.Channel(), write_edf.Channel()]
    path = write_edf(pair)
    with pytest.raises(ChannelError, match="2 channels called 'C3-M2'"):
        read_recording(path)
    data = read_recording(path, channels={"eeg": [1]}).signals["eeg"].data
    np.testing.assert_allclose(data[0], pair[1].values(), atol=1e-4)


def test_a_fractional_first_onset_crops_the_start(write_edf, tmp_path):
    """As in MASS: the grid of the labels begins 72.37 s into the signals."""
    eeg, eog = write_edf.Channel(sfreq=256), write_edf.Channel("EOG Left Horiz", 128)
    path = write_edf([eeg, eog], 200)
    onsets = 72.37 + 30 * np.arange(3)
    labels = write_annotations(tmp_path / "base.edf", onsets, "W12")
    with pytest.warns(SleepkitWarning, match="last 6 epochs .* hypnogram 3: 0 stages"):
        night = read_recording(path, hypnogram=labels)
    assert night.hypnogram.tolist() == [-1, -1, 0, 1, 2, -1]
    assert night.start == datetime(2020, 3, 2, 22, 0, 12, 370_000)
    skipped = int(12.37 * 256)
    assert night.signals["eeg"].shape == (1, 200 * 256 - skipped)
    np.testing.assert_allclose(
        night.signals["eeg"].data[0], eeg.values()[skipped:], atol=1e-4
    )
    assert night.signals["eog"].shape == (1, 200 * 128 - int(12.37 * 128))


@pytest.mark.parametrize("onset", np.arange(0.03, 30, 1.739))
def test_a_grid_that_ends_with_the_signals_loses_no_epoch(write_edf, onset):
    path = write_edf([write_edf.Channel(sfreq=50)], 120)
    labels = Hypnogram([0, 1, 2], onset=onset)
    assert read_recording(path, hypnogram=labels).hypnogram.tolist() == [0, 1, 2]


def test_a_hypnogram_that_starts_later_is_shifted(write_edf, tmp_path):
    path = write_edf(seconds=690)
    labels = write_annotations(tmp_path / "h.edf", [0, 30, 60], "W1R", minute=10)
    with pytest.warns(SleepkitWarning, match="20 epochs outside the hypnogram"):
        night = read_recording(path, hypnogram=labels)
    assert night.hypnogram.tolist() == [-1] * 20 + [0, 1, 4]


@pytest.mark.parametrize(
    "table",
    [
        "time,stage\n23:59:30,W\n00:00:00,W\n00:00:30,N2\n00:01:00,N2\n",
        "time,duration,stage\n11:59:30 PM,60,W\n12:00:30 AM,60,N2\n",
    ],
)
def test_clock_times_without_a_date_are_placed_by_the_start(write_edf, tmp_path, table):
    labels = tmp_path / "stages.csv"
    labels.write_text(table)
    with pytest.warns(SleepkitWarning, match="2 epochs outside the hypnogram"):
        night = read_recording(
            write_edf(seconds=180, starttime="23.59.00"), hypnogram=labels
        )
    assert night.hypnogram.tolist() == [-1, 0, 0, 2, 2, -1]


def test_labels_past_the_end_are_dropped(write_edf):
    path = write_edf(seconds=75)
    assert read_recording(path, hypnogram=[0, 1, 2]).hypnogram.tolist() == [0, 1]
    with pytest.warns(SleepkitWarning, match="last 2 epochs .* hypnogram 4: 2 stages"):
        night = read_recording(path, hypnogram=[0, 1, 2, 3])
    assert night.hypnogram.tolist() == [0, 1]


def test_labels_of_another_night_are_an_error(write_edf):
    labels = Hypnogram([0, 1], start=datetime(2020, 3, 3, 4))
    with pytest.raises(HypnogramError, match="do not overlap"):
        read_recording(write_edf(), hypnogram=labels)


def test_a_hypnogram_file_with_its_scheme(write_edf, tmp_path):
    path = tmp_path / "stages.txt"
    path.write_text("0\n5\n")
    night = read_recording(write_edf(), hypnogram=path, scheme="isruc")
    assert night.hypnogram.tolist() == [0, 4]


def test_stages_among_the_annotations_of_the_file_itself(write_edf):
    notes = {
        i: f"+{i}.5\x1530\x14Sleep stage {text}\x14\x00".encode()
        for i, text in {0: "W", 30: "N2"}.items()
    }
    notes[3] = "+4\x14Körperlage\x14\x00".encode("latin-1")
    path = write_edf(seconds=61, stamps=[i + 0.5 for i in range(61)], notes=notes)
    assert read_recording(path).hypnogram is None
    night = read_recording(path, hypnogram="annotations")
    assert night.hypnogram.tolist() == [0, 2]
    assert night.start == datetime(2020, 3, 2, 22, 0, 0, 500_000)
    assert night.signals["eeg"].shape == (1, 6100)
    assert read_recording(path, hypnogram=path).hypnogram.tolist() == [0, 2]


def test_epochs_of_20_seconds(write_edf):
    night = read_recording(write_edf(), hypnogram=Hypnogram([0, 1, 2], 20.0))
    assert (night.epoch_duration, night.n_epochs) == (20.0, 3)


def test_gaps(write_edf):
    stamps = [*range(70), *range(95, 185)]
    path = write_edf(seconds=160, stamps=stamps, reserved="EDF+D")
    with pytest.raises(DiscontinuousRecordingError, match="70 to 95 s"):
        read_recording(path)
    night = read_recording(path, on_gap="fill", hypnogram=[0, 0, 0, 1, 1, 1])
    eeg = night.signals["eeg"]
    assert eeg.valid.tolist() == [True, True, False, False, True, True]
    missing = np.isnan(eeg.data[0]).reshape(-1, 100).all(axis=1)
    assert np.flatnonzero(missing).tolist() == list(range(70, 95))
    labels = Hypnogram([0, 0, 0, 1, 1], onset=12.0)
    cropped = read_recording(path, on_gap="fill", hypnogram=labels).signals["eeg"]
    assert cropped.valid.tolist() == [True, False, False, True, True]


def test_impossible_dates_and_times(write_edf):
    path = write_edf(recording="", startdate="00.00.00")
    assert read_recording(path).start == datetime(1985, 1, 1, 22)
    assert read_recording(write_edf(starttime="24.60.00")).start is None


def test_rec_and_bdf(write_edf):
    assert read_recording(write_edf(name="1.rec")).n_epochs == 2
    wide = write_edf.Channel(digital=(-8388608, 8388607), digits=np.arange(6000) * 1000)
    path = write_edf([wide], name="1.bdf", sample_bytes=3)
    data = read_recording(path).signals["eeg"].data
    np.testing.assert_allclose(data[0], wide.values(), atol=1e-3)


def test_a_cut_file_is_read_to_its_last_whole_record(write_edf):
    with pytest.warns(SleepkitWarning, match="incomplete|declares"):
        night = read_recording(write_edf(cut=7))
    assert night.signals["eeg"].shape == (1, 5900)


def test_warnings_point_at_the_caller(write_edf):
    mixed = [write_edf.Channel(), write_edf.Channel("C4-M1", 50)]
    for path, stages in [
        (write_edf(name="1.edf", n_records=5), [0, 1]),
        (write_edf(name="2.edf"), [0] * 9),
        (write_edf(mixed, name="3.edf"), [0, 1]),
    ]:
        with pytest.warns(SleepkitWarning) as caught:
            read_recording(path, hypnogram=stages)
        assert [warning.filename for warning in caught] == [__file__]


def test_less_than_an_epoch(write_edf):
    with pytest.raises(RecordingError, match="lasts 29 s, which is no whole epoch"):
        read_recording(write_edf(seconds=29))


def test_files_that_are_no_recordings(tmp_path):
    empty, text = tmp_path / "empty.edf", tmp_path / "text.edf"
    junk, folder = tmp_path / "junk.bin", tmp_path / "folder"
    values = tmp_path / "values.txt"
    empty.touch()
    text.write_text("stage\nW\n")
    junk.write_bytes(bytes(range(256)) * 9)
    folder.mkdir()
    values.write_text("[C3-A1]\n-0.9\n0.4\n")
    for path, rule in [
        (tmp_path / "absent.edf", "There is no file .*absent.edf"),
        (empty, "empty.edf is empty"),
        (text, "text.edf does not begin like an EDF or BDF file"),
        (junk, "junk.bin is no EDF or BDF file, and MNE cannot read it"),
        (values, "values.txt is no EDF or BDF file, and MNE cannot read it: Assertion"),
        (folder, "folder is no EDF or BDF file, and MNE cannot read it"),
    ]:
        for read in (read_recording, describe_channels):
            with pytest.raises(RecordingError, match=rule):
                read(path)


def test_on_gap_is_checked(write_edf):
    with pytest.raises(ValueError, match="'on_gap' parameter of read_recording"):
        read_recording(write_edf(), on_gap="ignore")


def test_channels_of_a_file_with_gaps_are_described(write_edf):
    path = write_edf(stamps=[*range(30), *range(50, 80)])
    (row,) = describe_channels(path)
    assert (row.label, row.modality, row.n_times) == ("C3-M2", "eeg", 6000)


# ---------------------------------------------------------------- other formats


@pytest.fixture
def fif(tmp_path):
    """A file that MNE reads, with an EOG and a stage of its own."""
    rng = np.random.default_rng(0)
    info = mne.create_info(["C3-M2", "eyes", "junk"], 100, ["eeg", "eog", "misc"])
    raw = mne.io.RawArray(rng.normal(0, 30e-6, (3, 6000)), info, verbose="error")
    raw.set_meas_date(datetime.fromisoformat("2020-03-02T22:00:00+00:00"))
    raw.set_annotations(mne.Annotations([30], [30], ["Sleep stage N3"]))
    raw.save(tmp_path / "night_raw.fif", verbose="error")
    return tmp_path / "night_raw.fif", raw.get_data()


def test_what_mne_reads_is_read_lazily(fif):
    path, data = fif
    night = read_recording(path, hypnogram=[0, 1])
    assert night.modalities == ("eeg", "eog")
    assert night.start == datetime(2020, 3, 2, 22)
    eog = night.signals["eog"]
    assert not eog.is_loaded
    assert len(pickle.dumps(eog)) < 1000
    np.testing.assert_allclose(eog.data[0], data[1] * 1e6, atol=1e-3)
    with path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(RecordingError, match="has changed"):
        _ = eog.data


def test_what_mne_reads_has_its_annotations_and_differences(fif):
    path, data = fif
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        night = read_recording(
            path,
            channels={"eeg": [("C3-M2", "eyes")]},
            hypnogram="annotations",
        )
    assert night.hypnogram.tolist() == [-1, 3]
    expected = (data[0] - data[1]) * 1e6
    np.testing.assert_allclose(night.signals["eeg"].data[0], expected, atol=1e-3)
    rows = describe_channels(path)
    assert [row.modality for row in rows] == ["eeg", "eog", None]
    assert [row.unit for row in rows] == ["V", "V", ""]


# ---------------------------------------------------------------- real recordings


def microvolts_by_mne(path, label, scale=1e6):
    raw = mne.io.read_raw_edf(path, include=[label], verbose="error")
    return raw.get_data()[0] * scale


@pytest.mark.real
def test_dreams(real_data):
    path = real_data / "dreams" / "excerpt3.edf"
    labels = path.with_name("Hypnogram_excerpt3.txt")
    night = read_recording(path, hypnogram=labels, scheme="dreams")
    assert {name: signal.ch_names for name, signal in night.signals.items()} == {
        "eeg": ("FP1-A1", "C3-A1", "O1-A1"),
        "eog": ("EOG1-A1", "EOG2-A1"),
        "emg": ("EMG1",),
        "ecg": ("ECG",),
    }
    breathing = read_recording(path, channels=["resp", "airflow", "spo2"]).signals
    assert {name: signal.ch_names for name, signal in breathing.items()} == {
        "resp": ("VTH", "VAB"),
        "airflow": ("NAF1",),
        "spo2": ("SAO2",),
    }
    assert {signal.sfreq for signal in night.signals.values()} == {50}
    assert Counter(night.hypnogram.tolist()) == {0: 6, 1: 12, 2: 39, 3: 3}
    # MNE takes the unit "UV" of this file for volts: its numbers are the microvolts.
    expected = microvolts_by_mne(path, "C3-A1", scale=1)
    np.testing.assert_allclose(night.signals["eeg"].data[1], expected, atol=1e-3)


@pytest.mark.real
def test_nox(real_data):
    path = real_data / "nox" / "subject1.edf"
    night = read_recording(path)
    assert {name: signal.ch_names for name, signal in night.signals.items()} == {
        "eeg": ("F3-M2", "F4-M1", "C3-M2", "C4-M1", "O1-M2", "O2-M1"),
        "eog": ("E1-M2", "E2-M1"),
        "emg": ("1-2", "1-F", "2-F"),
        "ecg": ("ECG",),
    }
    expected = microvolts_by_mne(path, "E2-M1")
    np.testing.assert_allclose(night.signals["eog"].data[1], expected, atol=1e-3)


@pytest.mark.real
def test_sleep_edf(real_data):
    folder = real_data / "sleep_edf"
    path = folder / "SC4001E0-PSG-first5min.edf"
    with (
        pytest.warns(SleepkitWarning, match="last 10 epochs .* its hypnogram"),
        pytest.warns(SleepkitWarning, match=r"No emg .* submental \(at 1 Hz"),
    ):
        night = read_recording(path, hypnogram=folder / "SC4001EC-Hypnogram.edf")
    assert night.hypnogram.tolist() == [0] * 10
    assert night.modalities == ("eeg", "eog")  # its EMG is an envelope
    expected = microvolts_by_mne(path, "EEG Pz-Oz")
    np.testing.assert_allclose(night.signals["eeg"].data[1], expected, atol=1e-3)


def test_merged_stages_are_refused(write_edf):
    merged = Hypnogram([0, 2, 4, 1]).merge(3)
    with pytest.raises(
        ValueError, match=r"'hypnogram' .* read_recording .* merged to 3"
    ):
        read_recording(write_edf(seconds=120), hypnogram=merged)


def test_a_written_hypnogram_is_read_back_with_the_night(write_edf, tmp_path):
    path = write_edf(seconds=120)
    night = read_recording(path, hypnogram=[0, 1, -1, 4])
    for name in ("h.edf", "h.csv", "h.tsv"):
        write_hypnogram(tmp_path / name, Hypnogram(night.hypnogram, start=night.start))
        again = read_recording(path, hypnogram=tmp_path / name)
        assert again.hypnogram.tolist() == [0, 1, -1, 4]
