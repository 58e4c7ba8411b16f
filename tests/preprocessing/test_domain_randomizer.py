"""Domain randomisation: of training recordings only, each by its own id."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import BandPower, Cache, DomainRandomizer, STFTEpocher
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import acquire_signal, acquire_spectra

RANDOMIZER = DomainRandomizer(mains=(0.0, 10.0), flip=True, random_state=0)


@pytest.fixture(scope="module")
def nights(make_night):
    """Three nights; the second has no EOG."""
    return [
        make_night(seed=0),
        make_night(seed=1, modalities=("eeg",)),
        make_night(seed=2),
    ]


@pytest.fixture(scope="module")
def two_channels(nights):
    """The first night with its EEG channel twice."""
    eeg = nights[0].signals["eeg"]
    twice = Signal(np.repeat(eeg.data, 2, axis=0), 100, ["C3", "C4"])
    return nights[0].with_signals({**nights[0].signals, "eeg": twice})


def randomized(nights, **params):
    """Training recordings, by id."""
    randomizer = DomainRandomizer(**{**RANDOMIZER.get_params(), **params})
    X = randomizer.fit_transform(EpochArray(nights))
    return {recording.id: recording.compute() for recording in X.recordings}


def assert_same_signals(a, b):
    assert list(a.signals) == list(b.signals)
    for name, signal in a.signals.items():
        np.testing.assert_array_equal(signal.data, b.signals[name].data)


def drawn_from(n_nights=400, **params):
    """What is drawn for the EEG of many recordings."""
    night = Recording(id="n", subject="s", signals={"eeg": Signal(np.ones(3000), 100)})
    randomizer = DomainRandomizer(**{**RANDOMIZER.get_params(), **params}).fit(night)
    copies = [night.replace(id=str(i)) for i in range(n_nights)]
    return [randomizer.draw(copy)["eeg"][0] for copy in copies]


class Copycat(ClassifierMixin, BaseEstimator):
    """A classifier that returns the mean square of each row, and keeps that of fit."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.powers_ = self.predict(X)
        return self

    def predict(self, X):
        return np.square(X.epochs("eeg")[:, 0]).mean(axis=1)


# ------------------------------------------------------------------ training only


def test_the_result_is_what_was_drawn(nights):
    randomizer = DomainRandomizer(random_state=3)
    X = randomizer.fit_transform(EpochArray(nights))
    for night, changed in zip(nights, X.recordings, strict=True):
        for name, drawn in randomizer.draw(night).items():
            before, after = night.signals[name], changed.signals[name]
            assert len(drawn) == before.n_channels
            for channel, each in enumerate(drawn):
                expected = acquire_signal(before.data[channel], before.sfreq, each)
                np.testing.assert_array_equal(after.data[channel], expected)


def test_other_recordings_stay_as_they_are(nights):
    X = EpochArray(nights)
    fitted = DomainRandomizer(random_state=0).fit(X)
    out = fitted.transform(X)
    for night, same in zip(nights, out.recordings, strict=True):
        assert same.fingerprint == night.fingerprint
    rows = np.random.default_rng(0).normal(size=(3, 2, 500))
    fitted = DomainRandomizer(random_state=0, sfreq=100).fit(rows)
    np.testing.assert_array_equal(fitted.transform(rows), rows)


def test_a_pipeline_changes_what_it_fits_on_only(nights):
    X = EpochArray(nights).drop("eog")
    steps = make_pipeline(DomainRandomizer(gain=(20, 20), random_state=0), Copycat())
    steps.fit(X, X.hypnogram)
    plain = Copycat().predict(X)
    np.testing.assert_array_equal(steps.predict(X), plain)
    assert (steps[-1].powers_ / plain > 30).all()
    predicted = cross_val_predict(
        steps, X, X.hypnogram, groups=X.subject, cv=GroupKFold(3)
    )
    np.testing.assert_array_equal(predicted, plain)


def test_nothing_else_changes(nights):
    eeg = nights[2].signals["eeg"]
    data = eeg.data.copy()
    data[:, 100:200] = np.nan
    eeg = eeg.replace(data=data, valid=[True, False, True, True], bandwidth=40.0)
    broken = nights[2].with_signals({**nights[2].signals, "eeg": eeg})
    X = EpochArray([*nights[:2], broken])[[9, 2, 5, 2]].with_train_mask(
        np.array([True, False, True, True])
    )
    out = RANDOMIZER.fit_transform(X)
    for name in ("epoch", "recording", "subject", "hypnogram", "train_mask"):
        np.testing.assert_array_equal(getattr(out, name), getattr(X, name))
    assert out.modalities == X.modalities
    for name in X.modalities:
        np.testing.assert_array_equal(out.present[name], X.present[name])
        np.testing.assert_array_equal(out.valid[name], X.valid[name])
        missing = np.isnan(X.epochs(name))
        np.testing.assert_array_equal(np.isnan(out.epochs(name)), missing)
    changed = next(r for r in out.recordings if r.id == broken.id).signals["eeg"]
    assert (changed.bandwidth, changed.ch_names) == (40.0, eeg.ch_names)
    np.testing.assert_array_equal(np.isnan(changed.data), np.isnan(data))


# -------------------------------------------------------------------- what is drawn


def test_a_night_does_not_depend_on_its_cohort(nights):
    whole, alone = randomized(nights), randomized(nights[2:])
    turned = randomized(nights[::-1])
    assert_same_signals(whole["night2"], alone["night2"])
    assert_same_signals(whole["night1"], turned["night1"])


def test_a_channel_does_not_depend_on_the_others(nights, two_channels):
    one, two = randomized(nights[:1])["night0"], randomized([two_channels])["night0"]
    eeg, both = one.signals["eeg"].data, two.signals["eeg"].data
    np.testing.assert_array_equal(both[:1], eeg)
    assert not np.allclose(both[1:], eeg)


def test_channels_share_the_filters_of_their_modality(two_channels):
    drawn = RANDOMIZER.fit(EpochArray([two_channels])).draw(two_channels)
    a, b = drawn["eeg"]
    (eog,) = drawn["eog"]
    shared = ("tilt", "highpass", "lowpass", "noise_tilt")
    assert [getattr(a, n) for n in shared] == [getattr(b, n) for n in shared]
    assert a.mains_freq == b.mains_freq == eog.mains_freq
    for name in ("gain", "snr", "mains", "seed"):
        assert getattr(a, name) != getattr(b, name)
    assert all(getattr(a, n) != getattr(eog, n) for n in shared)


def test_draws_fill_their_ranges_evenly():
    drawn = drawn_from()
    ranges = {"gain": (-6, 6), "tilt": (-1.5, 1.5), "snr": (10, 40)}
    for name, (low, high) in ranges.items():
        values = np.array([getattr(each, name) for each in drawn])
        quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        expected = np.linspace(low, high, 5)
        np.testing.assert_allclose(quartiles, expected, atol=0.08 * (high - low))
        assert low <= values.min() <= values.max() <= high
    lowpass = np.array([each.lowpass for each in drawn])
    assert np.median(lowpass) == pytest.approx(np.sqrt(25 * 70), rel=0.06)
    assert np.mean([each.flipped for each in drawn]) == pytest.approx(0.5, abs=0.1)
    assert {each.mains_freq for each in drawn} == {50.0, 60.0}


def test_one_range_does_not_move_the_others():
    usual, other = drawn_from(20), drawn_from(20, gain=None, lowpass=(30, 30))
    for a, b in zip(usual, other, strict=True):
        assert (b.gain, b.lowpass) == (0.0, 30.0)
        assert replace(b, gain=a.gain, lowpass=a.lowpass) == a


def test_ranges_may_all_be_left_out(nights):
    off = dict.fromkeys(["gain", "tilt", "highpass", "lowpass", "snr", "mains"])
    same = randomized(nights, **off, flip=False)
    for night in nights:
        for name, signal in night.signals.items():
            found = same[night.id].signals[name].data
            np.testing.assert_allclose(found, signal.data, atol=1e-4)


def test_seeds():
    assert drawn_from(3, random_state=1) == drawn_from(3, random_state=1)
    assert drawn_from(3, random_state=1) != drawn_from(3, random_state=2)
    assert drawn_from(3, random_state=None) != drawn_from(3, random_state=None)
    generator = np.random.default_rng(1)
    assert drawn_from(3, random_state=generator) == drawn_from(3, random_state=1)
    assert drawn_from(3, random_state=generator) != drawn_from(3, random_state=1)


def test_copies_under_other_ids_are_other_versions(nights):
    night = nights[1].load()
    copies = [night.replace(id=f"{night.id}/{k}") for k in range(3)]
    found = [each.signals["eeg"].data for each in randomized(copies).values()]
    assert len({each.tobytes() for each in found}) == 3


def test_only_the_named_modalities_change(nights):
    night = nights[2]
    found = randomized([night], only=("eog",))[night.id]
    np.testing.assert_array_equal(found.signals["eeg"].data, night.signals["eeg"].data)
    assert_same_signals(
        found.with_signals({"eog": found.signals["eog"]}),
        randomized([night.with_signals({"eog": night.signals["eog"]})])[night.id],
    )


# ------------------------------------------------------------------ caches, spectra


def test_cache_keys_follow_the_seed(nights):
    def key(**params):
        X = DomainRandomizer(**params).fit_transform(EpochArray(nights[1:2]))
        return X.recordings[0].fingerprint

    usual = key(random_state=0)
    assert usual == key(random_state=np.random.default_rng(0))
    assert usual != key(random_state=1)
    assert usual != key(random_state=0, gain=(0, 1))


def test_cached_on_both_sides(nights, tmp_path):
    X = EpochArray(nights)
    plain = make_pipeline(STFTEpocher(), DomainRandomizer(random_state=0))
    cached = make_pipeline(
        STFTEpocher(),
        Cache(tmp_path / "spectra"),
        DomainRandomizer(random_state=0),
        Cache(tmp_path / "randomized"),
    )
    expected = plain.fit_transform(X)
    for _ in range(2):
        found = cached.fit_transform(X)
        for name in X.modalities:
            np.testing.assert_array_equal(found.epochs(name), expected.epochs(name))
    found = cached.transform(X)
    spectra = STFTEpocher().fit_transform(X)
    np.testing.assert_array_equal(found.epochs("eeg"), spectra.epochs("eeg"))


def test_spectra_have_the_values_of_signals(nights):
    X = STFTEpocher().fit_transform(EpochArray(nights))
    randomizer = DomainRandomizer(random_state=0)
    out = randomizer.fit_transform(X)
    assert randomizer.draw(X.recordings[0]) == (
        DomainRandomizer(random_state=0).fit(EpochArray(nights)).draw(nights[0])
    )
    before, after = X.recordings[0].signals["eeg"], out.recordings[0].signals["eeg"]
    for channel, each in enumerate(randomizer.draw(nights[0])["eeg"]):
        expected = acquire_spectra(before.data[:, channel], before.freqs, each)
        np.testing.assert_array_equal(after.data[:, channel], expected)


# ------------------------------------------------------------------------- arrays


def test_rows_of_arrays_are_changed_one_by_one():
    rows = np.random.default_rng(0).normal(0, 20, (4, 3, 3000))
    randomizer = DomainRandomizer(
        random_state=0, sfreq=100, modalities={"eeg": [0], "emg": [2]}, only=["emg"]
    )
    changed = randomizer.fit_transform(rows)
    np.testing.assert_array_equal(changed[:, :2], rows[:, :2])
    np.testing.assert_array_equal(randomizer.fit_transform(rows[:2]), changed[:2])
    gains = np.std(changed[:, 2], axis=-1) / np.std(rows[:, 2], axis=-1)
    assert len(set(gains.round(3))) == 4


def test_arrays_without_changes_are_equal():
    off = dict.fromkeys(["gain", "tilt", "highpass", "lowpass", "snr"])
    rows = np.random.default_rng(0).normal(0, 20, (2, 500))
    same = DomainRandomizer(**off, sfreq=100).fit_transform(rows)
    np.testing.assert_allclose(same, rows, atol=1e-9)


# ------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"gain": 6}, r"'gain' .* pair \(low, high\) of finite numbers.*Got 6"),
        ({"gain": (6, -6)}, r"in order, or None\. Got \(6, -6\)"),
        ({"tilt": (0, np.nan)}, "'tilt' parameter of DomainRandomizer must"),
        ({"snr": (1, 2, 3)}, "'snr' parameter"),
        ({"mains": "12"}, "'mains' parameter"),
        ({"highpass": (0, 1)}, "'highpass' .* positive finite numbers"),
        ({"lowpass": (True, 20)}, "'lowpass' parameter"),
        ({"only": ("egg",)}, r"'only' .* modalities \('eeg', 'eog'\).*'egg'"),
    ],
)
def test_bad_parameters_are_named(params, words, nights):
    with pytest.raises(ValueError, match=words):
        DomainRandomizer(**params).fit(nights)


def test_features_are_refused(nights):
    features = BandPower().fit_transform(nights[1])
    out = DomainRandomizer().fit_transform(features)
    with pytest.raises(RecordingError, match=r"'eeg' of recording 'night1' .*features"):
        out.epochs("eeg")


def test_arrays_need_a_rate():
    with pytest.raises(ValueError, match="needs the 'sfreq' parameter"):
        DomainRandomizer().fit(np.zeros((3, 100)))


def test_draws_need_a_fit(nights):
    with pytest.raises(Exception, match="not fitted"):
        DomainRandomizer().draw(nights[0])
