from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.datasets import make_polysomnography
from sleepkit.datasets._simulator import _brain
from sleepkit.metrics import Occlusion, occlusion
from sleepkit.metrics._occlude import fade_out, remove_band
from sleepkit.preprocessing import BandPower, FitOnSelected, STFTEpocher
from sleepkit.recording import as_epoch_array

EVENTS = ("spindle", "K-complex", "slow wave", "vertex wave", "sawtooth")
# Seconds after the onset that the simulator's wave of an event has its energy in.
EXTENT = {"spindle": (0.7, 1.7), "K-complex": (0.2, 1.2)}


@pytest.fixture(scope="module")
def simulated():
    """Logistic regression on band powers of simulated nights, and another night.

    With the onsets of its events in seconds, by kind.
    """
    quiet = {"hours": 1, "modalities": "eeg", "noise": 0}
    X, y, _ = make_polysomnography(4, random_state=0, **quiet)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    stager = make_pipeline(BandPower(), FitOnSelected(classifier)).fit(X, y)
    onsets = []
    with pytest.MonkeyPatch.context() as patch:
        add_waves = _brain.add_waves

        def note(signal, begin, waves, sfreq):
            onsets.append(begin)
            add_waves(signal, begin, waves, sfreq)

        patch.setattr(_brain, "add_waves", note)
        X, _, _ = make_polysomnography(1, random_state=1, **quiet)
        night = X.recordings[0].load()
    assert len(onsets) == len(EVENTS)
    return stager, night, dict(zip(EVENTS, onsets, strict=True))


def seconds_of(onsets, extent):
    """Whole seconds of the night that events reach into."""
    return {
        int(second)
        for onset in onsets
        for second in np.arange(int(onset + extent[0]), onset + extent[1])
    }


@pytest.fixture(scope="module")
def by_second(simulated):
    """What each second of epochs of N2 carries, and the onsets of the night."""
    stager, night, onsets = simulated
    epochs = np.flatnonzero(night.hypnogram == 2)[2::7][:9]
    found = {
        epoch: occlusion(stager, night, epoch, by=["second"], context=0)
        for epoch in epochs.tolist()
    }
    return {e: f.second["eeg"] for e, f in found.items() if f.stage == 2}, onsets


@pytest.mark.parametrize("kind", EXTENT)
def test_an_event_counts_more_than_as_much_elsewhere(by_second, kind):
    """Paired by epoch: seconds of its spindles, or K-complexes, and free ones."""
    values, onsets = by_second
    event = seconds_of(onsets[kind], EXTENT[kind])
    any_event = set().union(*(seconds_of(each, (0, 2.4)) for each in onsets.values()))
    pairs = []
    for epoch, of_second in values.items():
        seconds = range(30 * epoch + 2, 30 * epoch + 28)
        inside = [s - 30 * epoch for s in seconds if s in event]
        outside = [s - 30 * epoch for s in seconds if s not in any_event]
        if inside and outside:
            pairs.append((of_second[inside].mean(), of_second[outside].mean()))
    with_event, elsewhere = np.transpose(pairs)
    assert len(pairs) >= 4
    assert (with_event > elsewhere).all()
    assert with_event.mean() > 3 * abs(elsewhere.mean())


def test_the_band_of_spindles(simulated):
    """An epoch that has lost its spindles no longer needs their band."""
    stager, night, _ = simulated
    epoch = int(np.flatnonzero(night.hypnogram == 2)[2])
    eeg = night.signals["eeg"]
    bounds = 3000 * epoch, 3000 * (epoch + 1)
    lost = eeg.replace(data=remove_band(eeg.data, 100.0, *bounds, (12.0, 16.0)))
    found, without = (
        occlusion(stager, each, epoch, by=["band"], context=1)
        for each in (night, night.with_signals({"eeg": lost}))
    )
    assert found.band["eeg"]["sigma"] > 0.1
    assert without.band["eeg"]["sigma"] < 0.5 * found.band["eeg"]["sigma"]
    proba = stager.predict_proba(night.with_signals({"eeg": lost}))[epoch]
    after = found.probability - proba[stager.classes_.tolist().index(found.stage)]
    assert found.band["eeg"]["sigma"] == pytest.approx(after)


# ------------------------------------------------------------------------- the parts


WHOLE = (0, 12_000)


def sines(*freqs, n_times=12_000, sfreq=100.0):
    times = np.arange(n_times) / sfreq
    return sum(np.sin(2 * np.pi * f * times) for f in freqs)[np.newaxis]


def test_a_band_is_removed_and_no_other():
    x, kept = sines(5, 13), sines(5)
    changed = remove_band(x, 100.0, 3000, 6000, (12.0, 16.0))
    np.testing.assert_array_equal(changed[:, :3000], x[:, :3000])
    np.testing.assert_array_equal(changed[:, 6000:], x[:, 6000:])
    inside = slice(3100, 5900)
    np.testing.assert_allclose(changed[:, inside], kept[:, inside], atol=0.02)
    steps = np.abs(np.diff(changed[0]))
    assert steps.max() <= np.abs(np.diff(x[0])).max() + 1e-9  # no edge


@pytest.mark.parametrize("start", [0, 9000])
def test_bands_at_the_ends_of_a_night(start):
    x = sines(5, 13)
    changed = remove_band(x, 100.0, start, start + 3000, (12.0, 16.0))
    inside = slice(start + 100, start + 2900)
    np.testing.assert_allclose(changed[:, inside], sines(5)[:, inside], atol=0.05)


def test_all_bands_together_leave_next_to_nothing():
    rng = np.random.default_rng(0)
    x = changed = rng.normal(size=(2, 9000))
    for band in ((0.0, 4.0), (4.0, 20.0), (20.0, np.inf)):
        changed = remove_band(changed, 100.0, 3000, 6000, band)
    assert changed[:, 3200:5800].std() < 0.1 * x.std()


def test_a_second_becomes_a_line_without_edges():
    x = sines(2, 9) + np.linspace(0, 50, 12_000)
    changed = fade_out(x, 100.0, 5000, 5100, within=WHOLE)
    np.testing.assert_array_equal(changed[:, :4975], x[:, :4975])
    np.testing.assert_array_equal(changed[:, 5125:], x[:, 5125:])
    assert np.abs(np.diff(changed[0, 5000:5100], 2)).max() < 1e-9
    assert np.abs(np.diff(changed[0])).max() <= np.abs(np.diff(x[0])).max() + 0.01


@pytest.mark.parametrize("start", [3000, 5900])
def test_no_second_reaches_into_other_epochs(start):
    x = sines(2, 9)
    changed = fade_out(x, 100.0, start, start + 100, within=(3000, 6000))
    np.testing.assert_array_equal(changed[:, :3000], x[:, :3000])
    np.testing.assert_array_equal(changed[:, 6000:], x[:, 6000:])
    assert np.abs(changed - x)[:, start + 30 : start + 70].max() > 0.5
    assert np.abs(np.diff(changed[0])).max() <= np.abs(np.diff(x[0])).max() + 0.01


def test_missing_samples_stay_missing():
    x = sines(5)
    x[:, 3500:3600] = np.nan
    for changed in (
        remove_band(x, 100.0, 3000, 6000, (4.0, 6.0)),
        fade_out(x, 100.0, 3450, 3550, within=WHOLE),
    ):
        np.testing.assert_array_equal(np.isnan(changed), np.isnan(x))


@pytest.mark.parametrize("offset", [0, 2000])
def test_missing_samples_make_no_edges(offset):
    """What a band loses beside a gap is what it loses without the gap."""
    x = sines(5, 13) + offset
    whole = remove_band(x, 100.0, 3000, 6000, (12.0, 16.0))
    gap = slice(4000, 4200)
    x[:, gap] = np.nan
    changed = remove_band(x, 100.0, 3000, 6000, (12.0, 16.0))
    assert np.nanmax(np.abs(changed - whole)) < 1
    beside = fade_out(
        x, 100.0, 4210, 4300, within=WHOLE
    )  # its flank reaches into the gap
    assert np.nanmax(np.abs(beside - offset)) < 2.5


def test_a_band_from_zero_loses_what_drifts():
    times = np.arange(12_000) / 100
    drift = 50 * np.sin(2 * np.pi * 0.06 * times)[np.newaxis]
    changed = remove_band(drift + sines(8), 100.0, 3000, 6000, (0.0, 4.0))
    inside = slice(3100, 5900)
    left = changed[0, inside] - sines(8)[0, inside]
    assert np.ptp(left) < 0.25 * np.ptp(drift)


# ------------------------------------------------------------------------- the result


class Loudness:
    """A stager that takes an epoch for N3 as its EEG, if there is one, is strong."""

    classes_ = np.array([0, 3])

    def __init__(self):
        self.staged = []

    def predict_proba(self, night):
        assert as_epoch_array(night).recordings[0] is night
        self.staged.append(night)
        data = night.signals["eeg"].data[0].reshape(night.n_epochs, -1)
        deep = np.nan_to_num(data.std(axis=1)).clip(0, 100) / 100
        return np.stack([1 - deep, deep], axis=1)


def test_what_is_left_of_the_probability(make_night):
    night = make_night(5)
    data = night.signals["eeg"].data * 4
    night = night.with_signals(
        {**night.signals, "eeg": night.signals["eeg"].replace(data=data)}
    )
    stager = Loudness()
    whole = stager.predict_proba(night)
    found = occlusion(stager, night, 3)
    assert isinstance(found, Occlusion)
    assert (found.stage, found.probability) == (3, whole[3, 1])
    assert found.modality == {"eeg": whole[3, 1], "eog": 0}
    assert set(found.band) == set(found.second) == {"eeg", "eog"}
    assert max(found.band["eeg"], key=found.band["eeg"].get) == "alpha"  # its rhythm
    assert set(found.band["eog"].values()) == {0}
    assert found.second["eeg"].shape == (30,)
    assert (found.second["eeg"] > 0).all()
    # the night itself, two modalities, two of thirty seconds and of seven bands, of
    # which EOG of 50 Hz has nothing in the highest
    assert len(stager.staged) == 1 + 1 + 2 * (1 + 7 + 30) - 1
    missing = stager.staged[2].signals["eeg"].data
    assert np.isnan(missing).sum() == 3000
    assert np.isnan(missing[:, 9000:12_000]).all()


@pytest.mark.parametrize(("epoch", "n_epochs"), [(0, 3), (3, 5), (6, 3)])
def test_epochs_around(make_night, epoch, n_epochs):
    stager, night = Loudness(), make_night(7)
    found = occlusion(stager, night, epoch, by=["modality"], context=2)
    assert {each.n_epochs for each in stager.staged} == {n_epochs}
    whole = occlusion(stager, night, epoch, by=["modality"])
    assert found == whole


def test_stages_in_words(make_night):
    stager, night = Loudness(), make_night(2)
    stager.classes_ = np.array(["W", "N3"])
    found = occlusion(stager, night, 1, by=["modality"])
    stager.classes_ = np.array([0, 3])
    expected = occlusion(stager, night, 1, by=["modality"])
    assert found.stage == {0: "W", 3: "N3"}[expected.stage]
    assert found[1:] == expected[1:]


def silenced(night, name, epoch):
    """A night without the signal of a modality in an epoch."""
    signal = night.signals[name]
    n_times = round(night.epoch_duration * signal.sfreq)
    data = signal.data.copy()
    data[:, epoch * n_times : (epoch + 1) * n_times] = np.nan
    return night.with_signals({**night.signals, name: signal.replace(data=data)})


def test_the_only_signal_of_an_epoch_cannot_be_removed(make_night):
    stager, night = Loudness(), silenced(make_night(3), "eog", 1)
    found = occlusion(stager, night, 1)
    assert np.isnan(found.modality["eeg"])
    assert found.modality["eog"] == 0
    assert not any(found.second["eog"])
    assert len(stager.staged) == 1 + 7 + 30  # what is missing is not removed again
    masked = make_night(3).signals["eog"].replace(valid=[True, False, True])
    night = night.with_signals({**night.signals, "eog": masked})
    assert np.isnan(occlusion(stager, night, 1, by=["modality"]).modality["eeg"])


class Strict(Loudness):
    """It refuses what is missing."""

    def predict_proba(self, night):
        if any(np.isnan(signal.data).any() for signal in night.signals.values()):
            msg = "Input contains NaN."
            raise ValueError(msg)
        return super().predict_proba(night)


def test_estimators_that_need_all_modalities(make_night):
    night, words = make_night(2), "leave 'modality' out of 'by'.*contains NaN"
    with pytest.raises(ValueError, match=words):
        occlusion(Strict(), night, 0)
    assert not occlusion(Strict(), night, 0, by=["band"]).modality
    strict = Strict()
    strict.any_subset = False  # as nets of sleepkit say
    assert occlusion(strict, night, 0, by=["modality"]).modality == {}


def test_one_modality_cannot_be_left_out(make_night):
    found = occlusion(Loudness(), make_night(2, ["eeg"]), 0, by=["modality"])
    assert (found.modality, found.band, found.second) == ({}, {}, {})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"epoch": 4}, "'epoch' of occlusion must be below 4"),
        ({"epoch": -1}, "'epoch' parameter of occlusion"),
        ({"epoch": 1.5}, "'epoch' parameter of occlusion"),
        ({"by": "band"}, "'by' of occlusion must be a list"),
        ({"by": ["minute"]}, "'by' of occlusion must be a list"),
        ({"bands": {"a": (4, 2)}}, "0 <= low < high. Got"),
        ({"bands": {"a": (4, 5, 6)}}, "must be pairs"),
        ({"bands": {"a": 4}}, "must be pairs"),
        ({"context": -1}, "'context' parameter of occlusion"),
    ],
)
def test_errors(make_night, params, message):
    with pytest.raises(ValueError, match=message):
        occlusion(Loudness(), make_night(4), **{"epoch": 0, **params})


def test_nights_are_given_one_by_one(make_night):
    with pytest.raises(ValueError, match=r"must be one Recording\. Got EpochArray"):
        occlusion(Loudness(), as_epoch_array(make_night(2)), 0)


def test_spectra_cannot_be_occluded(make_night):
    spectra = STFTEpocher().fit_transform(make_night(2)).recordings[0]
    with pytest.raises(ValueError, match="needs continuous signals, but 'eeg'"):
        occlusion(Loudness(), spectra, 0)
