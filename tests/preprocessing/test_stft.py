"""STFTEpocher on nights and plain arrays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sleepkit.preprocessing import BandpassFilter, Resampler, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import epoch_spectra, spectrum_freqs, to_epochs


def test_a_row_is_the_spectrum_of_its_epoch(make_night):
    night = make_night(modalities=("eeg",))
    X = STFTEpocher().fit_transform(night)
    expected = epoch_spectra(to_epochs(night.signals["eeg"].data, 100), 100)
    np.testing.assert_array_equal(np.asarray(X), expected)
    signal = X.recordings[0].signals["eeg"]
    np.testing.assert_array_equal(signal.freqs, spectrum_freqs(100))
    assert signal.ch_names == ("eeg",)
    assert signal.valid is None


def test_the_chain_of_the_papers(make_night):
    nights = [make_night(seed=seed) for seed in range(2)]
    chain = make_pipeline(
        BandpassFilter({"eeg": (0.3, 40), "eog": (0.3, 23)}),
        Resampler(100),
        STFTEpocher(),
    )
    X = chain.fit_transform(EpochArray(nights))
    assert np.asarray(X).shape == (8, 2, 29, 128)
    shuffled = np.array([5, 0, 0, 7])
    np.testing.assert_array_equal(np.asarray(X[shuffled]), np.asarray(X)[shuffled])


def test_bins_above_the_old_nyquist_are_missing(make_night):
    X = make_pipeline(Resampler(100), STFTEpocher(n_bins=129)).fit_transform(
        make_night(modalities=("eog",))  # 50 Hz
    )
    missing = np.isnan(X.epochs("eog"))
    np.testing.assert_array_equal(
        missing, np.arange(129) * 100 / 256 > 25 + missing * 0
    )
    assert X.valid["eog"].all()


def test_gaps_are_missing_frames_and_whole_ones_invalid_epochs(make_night):
    night = make_night(modalities=("eeg",))
    data = night.signals["eeg"].data.copy()
    data[0, 3050] = np.nan
    data[0, 6000:9000] = np.nan
    X = STFTEpocher().fit_transform(night.with_signals({"eeg": Signal(data, 100)}))
    assert X.valid["eeg"].tolist() == [True, True, False, True]
    missing = np.isnan(X.epochs("eeg")[:, 0]).all(axis=-1)
    assert missing[1].nonzero()[0].tolist() == [0]
    assert missing.sum() == 1 + 29


def test_a_mask_stays(make_night):
    night = make_night(modalities=("eeg",))
    valid = np.array([True, False, True, True])
    eeg = night.signals["eeg"].replace(valid=valid)
    X = STFTEpocher().fit_transform(night.with_signals({"eeg": eeg}))
    np.testing.assert_array_equal(X.valid["eeg"], valid)


@pytest.mark.parametrize(("duration", "n_frames"), [(5, 4), (20, 19), (30, 29)])
def test_epochs_are_those_of_the_recording(make_night, duration, n_frames):
    night = make_night(modalities=("eeg",), epoch_duration=duration)
    assert STFTEpocher().fit_transform(night).epochs("eeg").shape == (
        4, 1, n_frames, 128,
    )  # fmt: skip


def test_other_lengths_and_rates():
    night = Recording(
        id="n", subject="s", signals={"eeg": Signal(np.ones((2, 12_800)), 128)}
    )
    stft = STFTEpocher(window=4, hop=0.5, n_fft=512, n_bins=257)
    assert stft.fit_transform(night).epochs("eeg").shape == (3, 2, 53, 257)


def test_a_crooked_rate(make_night):
    night = make_night(modalities=("eeg",), sfreq=99.97)
    # 2,999 samples hold 28 frames of 200
    assert STFTEpocher().fit_transform(night).epochs("eeg").shape == (4, 1, 28, 128)


def test_a_modality_that_some_nights_lack(make_night):
    nights = [make_night(seed=0), make_night(modalities=("eeg",), seed=1)]
    X = make_pipeline(Resampler(100), STFTEpocher()).fit_transform(EpochArray(nights))
    eog = X.epochs("eog")
    assert not np.isnan(eog[:4, ..., 0]).any()
    assert np.isnan(eog[4:]).all()


def test_plain_arrays():
    x = np.random.default_rng(0).standard_normal((3, 2, 3000)).astype(np.float32)
    ours = STFTEpocher(sfreq=100).fit_transform(x)
    np.testing.assert_array_equal(ours, epoch_spectra(x, 100))
    assert ours.dtype == np.float32
    flat = STFTEpocher(sfreq=100).fit_transform(x[:, 0])
    np.testing.assert_array_equal(flat, ours[:, :1])
    assert STFTEpocher(sfreq=100).fit_transform(x[:, 0, :50]).shape == (3, 1, 1, 128)


def test_clone_and_pickle(make_night):
    stft = STFTEpocher(floor=0.01).fit(make_night())
    assert clone(stft).get_params() == stft.get_params()
    again = pickle.loads(pickle.dumps(stft)).transform(make_night())
    np.testing.assert_array_equal(
        again.epochs("eeg"), stft.transform(make_night()).epochs("eeg")
    )


def test_bad_input_is_named(make_night):
    night = make_night(modalities=("eeg",))
    with pytest.raises(ValueError, match="n_bins to be n_fft // 2 = 128"):
        STFTEpocher(n_bins=64).fit(night)
    with pytest.raises(ValueError, match="'hop' parameter of STFTEpocher"):
        STFTEpocher(hop=0).fit(night)
    with pytest.raises(ValueError, match=r"n_fft of at least .* = 400"):
        STFTEpocher(window=4).fit_transform(night).epochs("eeg")
    spectra = STFTEpocher().fit_transform(night)
    with pytest.raises(ValueError, match="STFTEpocher needs continuous signals"):
        STFTEpocher().fit_transform(spectra).epochs("eeg")
