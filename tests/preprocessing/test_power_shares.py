from __future__ import annotations

import numpy as np
from scipy.signal import spectrogram
from scipy.signal._spectral_py import _median_bias

from sleepkit.preprocessing import PowerShares
from sleepkit.recording import Signal
from sleepkit.signal import to_epochs

BANDS = [(0.5, 4), (4, 8), (8, 12), (12, 16), (16, 30)]


def test_features_as_defined(make_night):
    """Natural logarithms of the medians of Hamming windows, then shares."""
    night = make_night(modalities=("eeg",))
    found = PowerShares().fit_transform(night).epochs("eeg")
    epochs = to_epochs(night.signals["eeg"].data, 100)[:, 0]
    freqs, _, density = spectrogram(
        epochs, 100, window="hamming", nperseg=400, noverlap=200, detrend="constant"
    )
    density = np.median(density, axis=-1) / _median_bias(density.shape[-1])
    powers = [
        density[:, (freqs >= low) & (freqs < high)].sum(axis=1) * freqs[1]
        for low, high in BANDS
    ]
    powers = np.stack(powers, axis=1)
    np.testing.assert_allclose(found[:, :5], np.log(powers + 1e-10), rtol=1e-3)
    shares = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, 5:], shares, atol=1e-4)


def test_two_channels_follow_each_other(make_night):
    night = make_night(modalities=("eeg",))
    data = night.signals["eeg"].data
    both = Signal(np.concatenate([data, 2 * data]), 100, ["a", "b"])
    X = PowerShares().fit_transform(night.with_signals({"eeg": both}))
    values = X.epochs("eeg")
    assert values.shape == (4, 20)
    np.testing.assert_allclose(values[:, 10:15] - values[:, :5], np.log(4), rtol=1e-3)
    names = X.recordings[0].signals["eeg"].ch_names
    assert names[:2] == ("a_log_delta", "a_log_theta")
    assert names[-1] == "b_share_beta"


def test_an_epoch_without_samples_is_missing(make_night):
    night = make_night(modalities=("eeg",))
    data = night.signals["eeg"].data.copy()
    data[0, 6000:9000] = np.nan
    X = PowerShares().fit_transform(night.with_signals({"eeg": Signal(data, 100)}))
    assert X.valid["eeg"].tolist() == [True, True, False, True]
