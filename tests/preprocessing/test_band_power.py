"""BandPower on nights and plain arrays, and as the input of a classifier."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import NotFittedError

from sleepkit.preprocessing import BandPower, FitOnSelected
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import BANDS, band_powers, to_epochs

N_BANDS, N_RATIOS = len(BANDS), 4
N_EACH = N_BANDS + N_RATIOS


def test_columns_are_powers_then_ratios(make_night):
    night = make_night()
    table = np.asarray(BandPower().fit_transform(night))
    assert table.shape == (4, 2 * N_EACH)
    eeg = night.signals["eeg"]
    expected = band_powers(to_epochs(eeg.data, 100), 100)[:, 0]
    np.testing.assert_array_equal(table[:, :N_BANDS], expected)
    delta, theta = list(BANDS).index("delta"), list(BANDS).index("theta")
    np.testing.assert_allclose(
        table[:, N_BANDS], expected[:, delta] - expected[:, theta]
    )


def test_names_follow_the_columns(make_night):
    power = BandPower(
        {"a": (1, 4), "b": (4, 8)},
        ratios=[("a", "b")],
        normalize="append",
        context=1,
    )
    X = power.fit_transform(make_night(modalities=("eeg",)))
    names = power.get_feature_names_out().tolist()
    assert names[:6] == [
        "eeg_0_a[t-1]",
        "eeg_0_b[t-1]",
        "eeg_0_a/b[t-1]",
        "eeg_0_a[z][t-1]",
        "eeg_0_b[z][t-1]",
        "eeg_0_a/b[z][t-1]",
    ]
    assert names[6:8] == ["eeg_0_a", "eeg_0_b"]
    assert names[-1] == "eeg_0_a/b[z][t+1]"
    assert X.recordings[0].signals["eeg"].ch_names == tuple(names)


def test_ratios_and_channels_may_be_none_or_many():
    data = np.random.default_rng(0).standard_normal((3, 6000)).astype(np.float32)
    night = Recording(id="n", subject="s", signals={"eeg": Signal(data, 100)})
    power = BandPower(ratios=())
    table = np.asarray(power.fit_transform(night)).reshape(2, 3, N_BANDS)
    np.testing.assert_array_equal(table, band_powers(to_epochs(data, 100), 100))
    assert power.n_channels_ == {"eeg": 3}


@pytest.mark.parametrize("normalize", [None, "append", "replace"])
def test_relative_features_have_median_0_and_iqr_of_a_normal(make_night, normalize):
    night = make_night(n_epochs=40, modalities=("eeg",))
    plain = np.asarray(BandPower().fit_transform(night))
    table = np.asarray(BandPower(normalize=normalize).fit_transform(night))
    if normalize != "replace":
        np.testing.assert_array_equal(table[:, :N_EACH], plain)
    if normalize is not None:
        low, median, high = np.quantile(plain, [0.25, 0.5, 0.75], axis=0)
        expected = (plain - median) / ((high - low) / 1.349)
        np.testing.assert_allclose(table[:, -N_EACH:], expected, rtol=1e-3, atol=1e-3)


def test_neighbours_come_from_the_recording_not_from_the_view(make_night):
    hypnogram = [0, -1, 2, 3, -1]
    X = EpochArray([make_night(5, ("eeg",), hypnogram=hypnogram)])
    every = EpochArray(X.recordings, include_unscored=True)
    plain = np.asarray(BandPower().fit_transform(every))
    table = np.asarray(BandPower(context=1).fit(every).transform(X[[2, 0]]))
    before, now, after = np.split(table, 3, axis=1)
    np.testing.assert_array_equal(now, plain[[3, 0]])
    np.testing.assert_array_equal(before, plain[[2, 0]])  # the first has none before it
    np.testing.assert_array_equal(after, plain[[4, 1]])


def test_an_absent_modality_is_nan_and_invalid(make_night):
    both, one = make_night(seed=0), make_night(modalities=("eeg",), seed=1)
    power = BandPower(context=1).fit(EpochArray([both, one]))
    X = power.transform([one])
    assert X.modalities == ("eeg", "eog")
    assert not X.valid["eog"].any()
    table = np.asarray(X)
    assert table.shape == (4, len(power.get_feature_names_out()))
    assert np.isnan(table[:, 3 * N_EACH :]).all()
    assert not np.isnan(table[:, : 3 * N_EACH]).any()


def test_a_modality_unknown_to_fit_has_no_column(make_night):
    power = BandPower().fit(make_night(modalities=("eeg",)))
    assert power.transform(make_night()).modalities == ("eeg",)


def test_bands_above_the_bandwidth_are_nan(make_night):
    table = np.asarray(
        BandPower(ratios=()).fit_transform(make_night(modalities=("eog",)))
    )
    expected = [high > 25 for _, high in BANDS.values()]
    np.testing.assert_array_equal(np.isnan(table), np.tile(expected, (4, 1)))


def test_missing_epochs_are_no_context(make_night):
    night = make_night(6, modalities=("eeg",))
    data = night.signals["eeg"].data.copy()
    data[0, 3000:6000] = np.nan
    data[0, 9000:12000] *= 1000
    valid = np.arange(6) != 3
    bad = night.with_signals({"eeg": Signal(data, 100, valid=valid)})
    X = BandPower(context=1, normalize="append").fit_transform(bad)
    assert X.valid["eeg"].tolist() == [True, False, True, False, True, True]
    table = np.asarray(X)
    assert np.isnan(table[[1, 3]]).all()
    before, now, after = np.split(table, 3, axis=1)
    assert np.isnan(before[[2, 4]]).all()
    assert np.isnan(after[[0, 2]]).all()
    assert not np.isnan(now[[0, 2, 4, 5]]).any()
    assert np.nanmax(np.abs(table)) < 50  # the artefact is not in the median


def test_plain_arrays():
    x = np.random.default_rng(0).standard_normal((5, 3, 1000))
    x[1, 2] = np.nan
    columns = {"eog": [2], "eeg": [0, 1]}
    power = BandPower(ratios=(), sfreq=100, modalities=columns).fit(x)
    table = power.transform(x)
    assert table.dtype == np.float64
    np.testing.assert_array_equal(table[:, :N_BANDS], band_powers(x[:, 2], 100))
    np.testing.assert_array_equal(
        table[:, N_BANDS:], band_powers(x[:, :2], 100).reshape(5, -1)
    )
    assert np.isnan(table[1, :N_BANDS]).all()
    assert power.get_feature_names_out()[0] == "eog_0_slow"


def test_rows_of_plain_arrays_are_their_own_context():
    x = np.random.default_rng(0).standard_normal((5, 1000))
    plain = BandPower(sfreq=100).fit_transform(x)
    table = BandPower(sfreq=100, context=1, normalize="append").fit_transform(x)
    expected = np.tile(np.hstack([plain, np.zeros_like(plain)]), 3)
    np.testing.assert_array_equal(table, expected)


def test_in_cross_validation_with_workers(make_night):
    X = EpochArray([make_night(10, seed=seed) for seed in range(4)])
    # so few rows only predict the commonest stage; what counts is that it runs
    trees = HistGradientBoostingClassifier(max_iter=2)
    chain = make_pipeline(BandPower(context=1), FitOnSelected(trees))
    scores = [
        cross_val_score(
            chain, X, X.hypnogram, groups=X.subject, cv=GroupKFold(2), n_jobs=n_jobs
        )
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(
    "classifier",
    [
        BaggingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        LogisticRegression(C=1e-3),
        make_pipeline(StandardScaler(), LogisticRegression(C=1e-3)),
    ],
)
def test_any_classifier_takes_the_table(make_night, classifier):
    X = EpochArray([make_night(10, sfreq=100, seed=seed) for seed in range(2)])
    stager = make_pipeline(BandPower(), classifier).fit(X, X.hypnogram)
    assert stager.predict_proba(X[::-1]).shape == (20, 5)
    assert stager[-1].n_features_in_ == 2 * N_EACH
    importance = permutation_importance(
        stager[-1], stager[0].transform(X), X.hypnogram, n_repeats=1
    )
    assert importance.importances_mean.shape == (2 * N_EACH,)


def test_a_night_without_a_modality_has_the_columns_of_fit(make_night):
    stager = make_pipeline(BandPower(), HistGradientBoostingClassifier(max_iter=2))
    X = EpochArray([make_night(10, sfreq=100, seed=seed) for seed in range(2)])
    stager.fit(X, X.hypnogram)
    table = stager[0].transform(X.drop("eog"))
    assert table.shape == np.asarray(table).shape == (20, 2 * N_EACH)
    assert np.isnan(np.asarray(table)[:, N_EACH:]).all()
    assert stager.predict(make_night(3, modalities=("eeg",))).shape == (3,)


def test_clone_and_pickle(make_night):
    power = BandPower(context=2).fit(make_night())
    assert clone(power).get_params() == power.get_params()
    again = pickle.loads(pickle.dumps(power)).transform(make_night())
    np.testing.assert_array_equal(
        np.asarray(again), np.asarray(power.transform(make_night()))
    )


def test_fit_computes_no_more_nights_than_it_needs(make_night, monkeypatch):
    nights = [make_night(seed=seed) for seed in range(3)]
    read = []
    signals = Recording.signals
    monkeypatch.setattr(
        Recording, "signals", property(lambda r: read.append(r.id) or signals.fget(r))
    )
    BandPower().fit(EpochArray(nights))
    assert read == ["night0"]


def test_bad_input_is_named(make_night):
    night = make_night(modalities=("eeg",))
    with pytest.raises(ValueError, match=r"'ratios' parameter .*Got \['x'\] instead"):
        BandPower(ratios=[("x", "delta")]).fit(night)
    with pytest.raises(ValueError, match="'normalize' parameter of BandPower"):
        BandPower(normalize="both").fit(night)
    with pytest.raises(ValueError, match="'context' parameter of BandPower"):
        BandPower(context=-1).fit(night)
    with pytest.raises(ValueError, match="needs the 'sfreq' parameter"):
        BandPower().fit(np.ones((2, 300)))
    with pytest.raises(NotFittedError):
        BandPower().get_feature_names_out()
    two = night.with_signals({"eeg": Signal(np.ones((2, 12_000)), 100)})
    with pytest.raises(
        ValueError, match=r"fitted on 1 channels of 'eeg', but .* has 2"
    ):
        np.asarray(BandPower().fit(night).transform(two))
