from __future__ import annotations

from datetime import UTC, datetime

import mne
import numpy as np
import pytest

from sleepkit.exceptions import ChannelError, RecordingError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.io import from_mne, read_recording, to_mne
from sleepkit.recording import Recording, Signal


def make_raw(names, types, n_times=6000, start=None):
    rng = np.random.default_rng(0)
    info = mne.create_info(names, 100, types)
    raw = mne.io.RawArray(
        rng.normal(0, 30e-6, (len(names), n_times)), info, verbose=False
    )
    return raw.set_meas_date(start)


def by_modality(raw, **options):
    signals = from_mne(raw, **options).signals
    return {name: signal.ch_names for name, signal in signals.items()}


def test_volts_become_microvolts():
    raw = make_raw(["a", "b"], ["eeg", "misc"])
    night = from_mne(raw, channels={"eeg": ["a"], "other": ["b"]}, id="n", subject="s")
    assert (night.id, night.subject, night.start) == ("n", "s", None)
    np.testing.assert_allclose(night.signals["eeg"].data[0], raw.get_data()[0] * 1e6)
    np.testing.assert_allclose(night.signals["other"].data[0], raw.get_data()[1])


def test_the_samples_are_a_copy():
    raw = make_raw(["C3-M2"], "eeg")
    night = from_mne(raw)
    before = night.signals["eeg"].data.copy()
    raw.apply_function(lambda x: 0 * x)
    np.testing.assert_array_equal(night.signals["eeg"].data, before)


def test_types_count_where_they_were_set():
    raw = make_raw(["C3-M2", "x", "y", "z"], ["eeg", "eeg", "emg", "stim"])
    assert by_modality(raw) == {"eeg": ("C3-M2", "x"), "emg": ("y",)}


def test_names_count_where_all_is_eeg_by_default():
    raw = make_raw(["C3-M2", "Chin", "POS", "EOG(L)"], "eeg")
    assert by_modality(raw) == {"eeg": ("C3-M2",), "eog": ("EOG(L)",), "emg": ("Chin",)}


def test_types_count_where_no_name_is_known():
    assert by_modality(make_raw(["a", "b"], "eeg")) == {"eeg": ("a", "b")}


def test_electrodes_warn_unless_they_were_referenced():
    raw = make_raw(["C3", "C4"], "eeg")
    with pytest.warns(SleepkitWarning, match=r"C3 \(no reference: used as it is\), C4"):
        assert by_modality(raw) == {"eeg": ("C3", "C4")}
    raw.set_eeg_reference("average", verbose=False)
    assert by_modality(raw) == {"eeg": ("C3", "C4")}


def test_electrodes_beside_their_mastoids_are_referenced():
    raw = make_raw(["M1", "C3", "M2"], "eeg")
    with pytest.warns(SleepkitWarning, match=r"C3 \(no reference: M2 is subtracted\)"):
        night = from_mne(raw)
    assert night.signals["eeg"].ch_names == ("C3-M2",)
    expected = (raw.get_data("C3") - raw.get_data("M2")) * 1e6
    np.testing.assert_allclose(night.signals["eeg"].data, expected, atol=1e-3)


def test_bad_channels_are_left_out_unless_named():
    raw = make_raw(["C3-M2", "C4-M1"], "eeg")
    raw.info["bads"] = ["C3-M2"]
    assert by_modality(raw) == {"eeg": ("C4-M1",)}
    assert by_modality(raw, channels={"eeg": "C3-M2"}) == {"eeg": ("C3-M2",)}
    raw.info["bads"] = ["C3-M2", "C4-M1"]
    with pytest.raises(ChannelError, match="No channel of the Raw object"):
        from_mne(raw)


def test_names_of_night_and_person():
    raw = make_raw(["C3-M2"], "eeg")
    assert (from_mne(raw).id, from_mne(raw).subject) == ("raw", "raw")
    raw.info["subject_info"] = {"his_id": "s7"}
    assert from_mne(raw, id="n").subject == "s7"
    assert from_mne(raw, subject="s8").subject == "s8"


def test_a_cropped_raw_starts_later():
    raw = make_raw(["C3-M2"], "eeg", 12_000, datetime(2020, 3, 2, 22, tzinfo=UTC))
    stages = mne.Annotations([30, 60], [30, 30], ["Sleep stage N2", "Sleep stage R"])
    raw.set_annotations(stages).crop(30)
    night = from_mne(raw, hypnogram="annotations")
    assert night.start == datetime(2020, 3, 2, 22, 0, 30)
    assert night.hypnogram.tolist() == [2, 4, -1]


def test_a_cropped_raw_without_a_date():
    raw = make_raw(["C3-M2"], "eeg", 12_000)
    stages = mne.Annotations([30, 60], [30, 30], ["Sleep stage N2", "Sleep stage R"])
    raw.set_annotations(stages).crop(30)
    night = from_mne(raw, hypnogram="annotations")
    assert night.start is None
    assert night.hypnogram.tolist() == [2, 4, -1]


def test_a_hypnogram_on_its_own_grid():
    raw = make_raw(["C3-M2"], "eeg", 8000)
    night = from_mne(raw, hypnogram=Hypnogram([1, 2], onset=12.34))
    assert night.hypnogram.tolist() == [1, 2]
    expected = raw.get_data(start=1234)[0] * 1e6
    np.testing.assert_allclose(night.signals["eeg"].data[0], expected, rtol=1e-5)


def test_an_unlikely_scale_warns():
    raw = make_raw(["C3-M2"], "eeg").apply_function(lambda x: x * 1e6)
    with pytest.warns(SleepkitWarning, match="'C3-M2' of the Raw object"):
        from_mne(raw)


def make_recording(hypnogram=(0, -1), start=datetime(2020, 3, 2, 22, 0, 0, 500_000)):
    rng = np.random.default_rng(0)
    signals = {
        "eeg": Signal(rng.normal(0, 30, (2, 6000)), 100, ["C3-M2", "x"]),
        "emg": Signal(rng.normal(0, 30, (1, 6100)), 100, ["Chin"]),
        "spo2": Signal(rng.normal(95, 1, (1, 6000)), 100, ["SaO2"]),
    }
    return Recording(
        id="n", subject="s", signals=signals, hypnogram=hypnogram, start=start
    )


def test_to_mne():
    night = make_recording()
    raw = to_mne(night)
    assert raw.ch_names == ["C3-M2", "x", "Chin", "SaO2"]
    assert raw.get_channel_types() == ["eeg", "eeg", "emg", "misc"]
    assert raw.n_times == 6000
    assert raw.info["meas_date"].replace(tzinfo=None) == night.start
    assert raw.annotations.onset.tolist() == [0, 30]
    assert raw.annotations.description.tolist() == ["Sleep stage W", "Sleep stage ?"]
    data = raw.get_data()
    np.testing.assert_allclose(data[:2] * 1e6, night.signals["eeg"].data)
    np.testing.assert_allclose(data[3], night.signals["spo2"].data[0])


@pytest.mark.parametrize("start", [None, datetime(2020, 3, 2, 22)])
def test_there_and_back(start):
    night = make_recording([3, -1], start)
    again = from_mne(
        to_mne(night), id="n", hypnogram="annotations", channels=night.modalities
    )
    assert (again.id, again.subject, again.start) == ("n", "s", start)
    np.testing.assert_array_equal(again.hypnogram, night.hypnogram)
    assert again.modalities == night.modalities
    for name, signal in night.signals.items():
        back = again.signals[name]
        assert back.ch_names == signal.ch_names
        np.testing.assert_allclose(back.data, signal.data[:, :6000], rtol=1e-5)


def test_to_mne_of_some_modalities():
    raw = to_mne(make_recording(), ["emg"])
    assert raw.ch_names == ["Chin"]
    assert raw.n_times == 6100


def test_to_mne_keeps_names_apart():
    signals = {
        "eeg": Signal(np.zeros((1, 3000)), 100, ["1"]),
        "eog": Signal(np.zeros((1, 3000)), 100, ["1"]),
    }
    raw = to_mne(Recording(id="n", subject="s", signals=signals))
    assert raw.ch_names == ["eeg 1", "eog 1"]
    assert len(raw.annotations) == 0


def test_to_mne_needs_one_rate(make_night):
    night = make_night(2, ("eeg", "eog"), sfreq={"eeg": 100, "eog": 50})
    with pytest.raises(RecordingError, match=r"eeg 100 Hz, eog 50 Hz.*Resampler"):
        to_mne(night)
    assert to_mne(night, ["eog"]).info["sfreq"] == 50


def test_to_mne_needs_modalities_that_are_there(make_night):
    night = make_night(2, ("eeg",))
    for modalities in (["eeg", "emg"], []):
        with pytest.raises(RecordingError, match=r"'night0', which has \['eeg'\]; got"):
            to_mne(night, modalities)


def test_to_mne_needs_continuous_signals():
    signals = {"eeg": Signal(np.zeros((2, 1, 29, 128)))}
    with pytest.raises(RecordingError, match="continuous signals; eeg is epoched"):
        to_mne(Recording(id="n", subject="s", signals=signals))


@pytest.mark.parametrize("suffix", [".set", ".vhdr", ".fif", ".gdf", ".mff", ".cnt"])
@pytest.mark.parametrize(
    "content", [b"MATLAB 5.0 MAT-file" + b" " * 200, b"\0" * 64], ids=["text", "zeros"]
)
def test_a_damaged_file_of_another_format_is_one_error(tmp_path, suffix, content):
    path = tmp_path / f"night{suffix}"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"night.* is no EDF or BDF file, and MNE"):
        read_recording(path)
