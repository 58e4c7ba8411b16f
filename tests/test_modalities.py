"""``modalities`` means the same to every estimator that has it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from sleepkit.preprocessing import (
    BandpassFilter,
    BandPower,
    NotchFilter,
    QualityMask,
    Resampler,
    STFTEpocher,
)
from sleepkit.signal import band_powers
from tests.estimators import CLASSIFIERS, TRANSFORMERS

READERS = [
    each
    for each in {type(each): each for each in [*TRANSFORMERS, *CLASSIFIERS]}.values()
    if "modalities" in each.get_params(deep=False)
]
readers = pytest.mark.parametrize("reader", READERS, ids=lambda r: type(r).__name__)
WRONG = [
    {"eeg": [0], "eog": [0]},
    {"eeg": [1, 1]},
    {"eeg": [0, 3]},
    {"eeg": [-1]},
    {"eeg": []},
    {"eeg": 0},
    {},
]
PASS = [
    BandpassFilter((1.0, 20.0), sfreq=100, modalities={"eeg": [2]}),
    NotchFilter(20.0, sfreq=100, modalities={"eeg": [2]}),
    QualityMask(limits={"eeg": {"min_range": 1e9}}, modalities={"eeg": [2]}),
]
REFUSE = [
    Resampler(50.0, sfreq=100, modalities={"eeg": [2]}),
    STFTEpocher(sfreq=100, modalities={"eeg": [0, 2]}),
]


@pytest.fixture
def X():
    """Six epochs of three channels, 3 s at 100 Hz."""
    return 20 * np.random.default_rng(0).standard_normal((6, 3, 300))


@readers
@pytest.mark.parametrize("modalities", WRONG, ids=repr)
def test_wrong_channels_are_refused_by_one_rule(reader, modalities, X):
    name = type(reader).__name__
    rule = (
        rf"The 'modalities' parameter of {name} must map each name to a "
        r"list of indices from 0 to 2 on the second axis of X, and use none twice\."
    )
    with pytest.raises(ValueError, match=rule):
        clone(reader).set_params(modalities=modalities).fit(X, np.arange(6) % 3)


@pytest.mark.parametrize("transformer", PASS, ids=lambda t: type(t).__name__)
def test_channels_left_out_pass_unchanged(transformer, X):
    out = transformer.fit_transform(X)
    np.testing.assert_array_equal(out[:, :2], X[:, :2])
    assert not np.array_equal(out[:, 2], X[:, 2])


@pytest.mark.parametrize("transformer", REFUSE, ids=lambda t: type(t).__name__)
def test_channels_that_would_not_fit_are_refused(transformer, X):
    match = r"cannot pass channels \[(0, )?1\] .*name them in 'modalities' or remove"
    with pytest.raises(ValueError, match=match):
        transformer.fit(X)


def test_channels_left_out_have_no_features(X):
    power = BandPower(ratios=(), window=2.0, sfreq=100, modalities={"eog": [2]})
    table = power.fit_transform(X)
    np.testing.assert_array_equal(table, band_powers(X[:, 2], 100, window=2.0))
    assert power.n_channels_ == {"eog": 1}
