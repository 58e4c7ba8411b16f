"""BandpassFilter on nights and plain arrays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import NotFittedError

from sleepkit.preprocessing import BandpassFilter, STFTEpocher
from sleepkit.recording import EpochArray
from sleepkit.signal import design_bandpass, filter_signal

BANDS = {"eeg": (0.3, 35), "eog": (0.3, 20)}


def test_filters_each_modality_with_its_band(make_night):
    night = make_night(modalities=("eeg", "eog", "emg"))
    ours = BandpassFilter(BANDS).fit_transform([night]).recordings[0].signals
    for name, band in BANDS.items():
        signal = night.signals[name]
        taps = design_bandpass(signal.sfreq, *band)
        np.testing.assert_array_equal(ours[name].data, filter_signal(signal.data, taps))
        assert ours[name].sfreq == signal.sfreq
    np.testing.assert_array_equal(ours["emg"].data, night.signals["emg"].data)


def test_one_band_for_all_and_the_short_filter(make_night):
    night = make_night()
    ours = BandpassFilter((None, 12), fir_order=100).fit_transform(night)
    for name, signal in ours.recordings[0].signals.items():
        taps = design_bandpass(signal.sfreq, None, 12, fir_order=100)
        expected = filter_signal(night.signals[name].data, taps)
        np.testing.assert_array_equal(signal.data, expected)


def test_defaults_are_the_bands_of_the_manual(make_night):
    night = make_night(modalities=("eeg", "emg"), sfreq=256)
    ours = BandpassFilter().fit_transform(night).recordings[0].signals
    for name, band in {"eeg": (0.3, 35), "emg": (10, 100)}.items():
        expected = filter_signal(night.signals[name].data, design_bandpass(256, *band))
        np.testing.assert_array_equal(ours[name].data, expected)


def test_nights_are_filtered_lazily(make_night):
    X = EpochArray([make_night()])
    Y = BandpassFilter(BANDS).fit_transform(X)
    assert not Y.recordings[0].is_computed
    assert Y.modalities == X.modalities
    np.testing.assert_array_equal(Y.hypnogram, X.hypnogram)


def test_a_low_pass_above_nyquist_is_left_out_and_noted(make_night):
    night = make_night(modalities=("eeg", "eog"))  # 100 and 50 Hz
    signals = BandpassFilter((0.3, 40)).fit_transform(night).recordings[0].signals
    assert signals["eeg"].provenance == ()
    note = "low-pass left out: 40 Hz >= Nyquist 25 Hz"
    assert signals["eog"].provenance == (note,)
    expected = filter_signal(night.signals["eog"].data, design_bandpass(50, 0.3))
    np.testing.assert_array_equal(signals["eog"].data, expected)


def test_gaps_and_masks_stay(make_night):
    night = make_night(modalities=("eeg",))
    eeg = night.signals["eeg"]
    data = eeg.data.copy()
    data[0, 3000:4000] = np.nan
    valid = np.array([True, False, True, True])
    night = night.with_signals({"eeg": eeg.replace(data=data, valid=valid)})
    ours = BandpassFilter(BANDS).fit_transform(night).recordings[0].signals["eeg"]
    np.testing.assert_array_equal(np.isnan(ours.data), np.isnan(data))
    np.testing.assert_array_equal(ours.valid, valid)


def test_plain_arrays_row_by_row():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((3, 500))
    both = rng.standard_normal((3, 2, 500))
    taps = {band: design_bandpass(100, *band) for band in BANDS.values()}
    ours = BandpassFilter(BANDS, sfreq=100).fit_transform(flat)
    np.testing.assert_array_equal(ours, filter_signal(flat, taps[0.3, 35]))
    columns = {"eog": [0], "eeg": [1]}
    ours = BandpassFilter(BANDS, sfreq=100, modalities=columns).fit_transform(both)
    np.testing.assert_array_equal(ours[:, 0], filter_signal(both[:, 0], taps[0.3, 20]))
    np.testing.assert_array_equal(ours[:, 1], filter_signal(both[:, 1], taps[0.3, 35]))
    assert BandpassFilter(sfreq=100).fit_transform(flat.astype("f4")).dtype == "f4"


def test_read_only_maps_of_a_file(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((3, 2, 500)))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    filter_ = BandpassFilter(sfreq=100).fit(mapped)
    np.testing.assert_array_equal(
        filter_.transform(mapped), filter_.transform(np.array(mapped))
    )


def test_clone_and_pickle(make_night):
    filter_ = BandpassFilter(BANDS, fir_order=100)
    assert clone(filter_).get_params() == filter_.get_params()
    Y = filter_.fit_transform(make_night())
    again = pickle.loads(pickle.dumps(filter_)).transform(make_night())
    np.testing.assert_array_equal(Y.epochs("eeg"), again.epochs("eeg"))
    assert Y.recordings[0].fingerprint == again.recordings[0].fingerprint


@pytest.mark.parametrize(
    ("bands", "match"),
    [
        ((40, 0.3), r"BandpassFilter needs 0 < low < high; got low=40, high=0.3"),
        ({"eeg": (0, 30)}, r"'low' parameter of BandpassFilter .*Got 0 instead"),
        ({"eeg": 30}, r"'bands' .*pairs \(low, high\) .*Got 'eeg': 30 instead"),
        ((1, 2, 3), r"Got '\*': \(1, 2, 3\) instead"),
        ({"EEG": (0.3, 35)}, r"'bands' .*name some of the modalities \('eeg', 'eog'\)"),
    ],
)
def test_bad_bands_are_named_in_fit(make_night, bands, match):
    with pytest.raises(ValueError, match=match):
        BandpassFilter(bands).fit(make_night())


def test_other_bad_input_is_named(make_night):
    with pytest.raises(ValueError, match="even fir_order"):
        BandpassFilter(fir_order=99).fit(make_night())
    with pytest.raises(ValueError, match="needs the 'sfreq' parameter"):
        BandpassFilter().fit(np.ones((2, 300)))
    with pytest.raises(NotFittedError):
        BandpassFilter().transform(make_night())
    slow = make_night(modalities=("emg",), sfreq=1)
    with pytest.raises(ValueError, match=r"on 'emg' needs low < sfreq / 2 = 0.5 Hz"):
        BandpassFilter().fit_transform(slow).epochs("emg")


def test_a_filter_behind_the_spectra_is_an_error(make_night):
    spectra = STFTEpocher().fit_transform(make_night(modalities=("eeg",)))
    with pytest.raises(ValueError, match=r"BandpassFilter needs continuous signals"):
        BandpassFilter(BANDS).fit_transform(spectra).epochs("eeg")
