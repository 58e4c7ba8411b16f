from __future__ import annotations

import pickle
import re
import tracemalloc
from datetime import datetime

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.live import StreamingStager, _streaming_stager
from sleepkit.pipelines import make_stager, stage_night
from sleepkit.preprocessing import BandpassFilter, QualityMask, SignalScaler
from sleepkit.pretrained import load_stager
from sleepkit.recording import Recording, Signal, as_epoch_array
from sleepkit.signal import to_epochs

N_EPOCHS = 12  # of the night


class Level(ClassifierMixin, BaseEstimator):
    """A stager whose first probability is a function of the mean of an epoch."""

    classes_ = np.array([0, 3])

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, night):
        rows = as_epoch_array(night)
        signal, *_ = rows.recordings[0].signals.values()
        epochs = to_epochs(signal.data[0], signal.sfreq, n_epochs=len(rows))
        wake = wake_at(np.nan_to_num(epochs).mean(axis=1))
        return np.stack([wake, 1 - wake], axis=1)


def wake_at(level):
    """Probability of wake at a level in microvolts."""
    return 1 / (1 + np.exp(-np.asarray(level) / 10))


def scaled_level(checked=()):
    """The level relative to the mean and SD of the night."""
    mask = QualityMask(only=checked).fit(np.zeros((1, 10)))
    scaler = SignalScaler(robust=False).fit(np.zeros((1, 10)))
    return Pipeline([("quality", mask), ("scale", scaler), ("stage", Level())])


def drifting(n_epochs, sfreq=10.0, seed=0):
    """An EEG in microvolts whose level and spread change over the night."""
    rng = np.random.default_rng(seed)
    n_times = round(n_epochs * 30 * sfreq)
    slope = np.linspace(0, 3, n_times)
    return 10 * (rng.normal(size=n_times) * (1 + slope) + slope).astype(np.float32)


def night_of(data, sfreq=10.0):
    return Recording(id="a", subject="s", signals={"eeg": Signal(data, sfreq)})


def live_of(stager, night, **params):
    signals = night.signals.items()
    params = {"sfreq": {name: s.sfreq for name, s in signals}, **params}
    return StreamingStager(stager, **params)


def push_timed(live, data, sfreq, n_times=50):
    """Push chunks of an EEG with the times of a clock, by which it has a rate."""
    for start in range(0, len(data), n_times):
        live.push({"eeg": data[start : start + n_times]}, time=start / sfreq)


def whole(night):
    return {name: signal.data for name, signal in night.signals.items()}


def chunks(night, rng, longest=4.0):
    """Cut a night into chunks of random lengths, each modality by itself.

    Yields time, modality, first sample and samples, in the order of the times.
    """
    pieces = []
    for name, signal in night.signals.items():
        start = 0
        while start < signal.shape[1]:
            n_times = int(rng.integers(1, longest * signal.sfreq))
            values = signal.data[:, start : start + n_times]
            pieces.append((start / signal.sfreq, name, start, values))
            start += n_times
    return sorted(pieces, key=lambda piece: piece[0])


def probabilities(hypnogram):
    return np.asarray(hypnogram.probabilities)


# ------------------------------------------------------------------------- the stages


@pytest.mark.parametrize("seed", range(2))
def test_any_chunks_give_the_same_bits(stager_and_night, seed):
    stager, night = stager_and_night
    params = {"look_ahead": 1, "context": 6}
    at_once = live_of(stager, night, **params)
    at_once.push(whole(night))
    live, decided = live_of(stager, night, **params), []
    for _, name, _, values in chunks(night, np.random.default_rng(seed)):
        decided += live.push({name: values}).tolist()
    assert decided == live.stages().stages[:-1].tolist()
    assert live.stages() == at_once.stages()
    assert live.finish() == at_once.finish()
    assert (live.stages().stages >= 0).all()


def test_a_night_that_is_waited_for_is_staged_as_a_whole_bit_for_bit(stager_and_night):
    stager, night = stager_and_night
    live = live_of(stager, night, look_ahead=N_EPOCHS, context=N_EPOCHS + 1)
    for _, name, _, values in chunks(night, np.random.default_rng(0)):
        assert live.push({name: values}).size == 0
    staged = stage_night(stager, night)
    found = live.finish()
    np.testing.assert_array_equal(probabilities(found), probabilities(staged.hypnogram))
    np.testing.assert_array_equal(live.flagged, staged.flagged)


@pytest.mark.parametrize("look_ahead", [0, 2])
def test_a_stage_reads_the_samples_up_to_its_look_ahead(look_ahead):
    """No later one, although filters have zero phase; but those up to it."""
    mask, scale, level = (step for _, step in scaled_level().steps)
    lowpass = BandpassFilter((None, 2.0)).fit(as_epoch_array(night_of(drifting(1))))
    stager = Pipeline(
        [("quality", mask), ("filter", lowpass), ("scale", scale), ("stage", level)]
    )

    def stage(data):
        live = StreamingStager(
            stager, sfreq={"eeg": 10.0}, look_ahead=look_ahead, context=5
        )
        live.push({"eeg": data})
        return probabilities(live.finish())[:, 0]

    data, other = drifting(9), drifting(9, seed=1)
    expected = stage(data)
    for n_known in range(look_ahead + 1, 9):
        n_same = n_known - look_ahead
        found = stage(np.append(data[: n_known * 300], other[n_known * 300 :]))
        np.testing.assert_array_equal(found[:n_same], expected[:n_same])
        assert found[n_same] != expected[n_same]


@pytest.mark.parametrize("look_ahead", [0, 3])
def test_stages_do_not_depend_on_what_comes_later(stager_and_night, look_ahead):
    stager, night = stager_and_night
    first, second = (
        live_of(stager, night, look_ahead=look_ahead, context=8) for _ in range(2)
    )
    n_known = 7
    data = {name: x[:, : n_known * 3000] for name, x in whole(night).items()}
    later = {name: 9 * x[:, : 3 * 3000] for name, x in data.items()}
    first.push(data)
    second.push({name: np.hstack([data[name], later[name]]) for name in data})
    n_staged = n_known - look_ahead
    for live in (first, second):
        assert (live.stages().stages[:n_staged] >= 0).all()
    np.testing.assert_array_equal(
        probabilities(first.stages())[:n_staged],
        probabilities(second.stages())[:n_staged],
    )


def test_statistics_are_of_the_night_so_far():
    """The first epochs have left the window, but not the mean and the SD."""
    data = drifting(20)
    live = StreamingStager(scaled_level(), sfreq={"eeg": 10.0}, context=3)
    live.push({"eeg": data})
    epochs = data.reshape(20, -1)
    level = [(x.mean() - data[:n].mean()) / data[:n].std() for x, n in _so_far(epochs)]
    found = probabilities(live.stages())[:, 0]
    np.testing.assert_allclose(found, wake_at(level), rtol=1e-5)


def _so_far(epochs):
    return [(epoch, (i + 1) * epoch.size) for i, epoch in enumerate(epochs)]


def test_a_search_is_staged_by_its_best_estimator():
    data = drifting(8)
    search = GridSearchCV(scaled_level(), {})
    search.best_estimator_, search.multimetric_ = scaled_level(), False
    found, expected = (
        StreamingStager(stager, sfreq={"eeg": 10.0}, context=3)
        for stager in (search, search.best_estimator_)
    )
    for live in (found, expected):
        live.push({"eeg": data})
    np.testing.assert_allclose(
        probabilities(found.stages()), probabilities(expected.stages()), rtol=1e-6
    )


def test_flagged_epochs_are_not_remembered_even_where_no_other_is_in_the_window():
    data = drifting(16).reshape(16, 300)
    data[5:12, ::2], data[5:12, 1::2] = 9000, -9000
    live = StreamingStager(scaled_level(["eeg"]), sfreq={"eeg": 10.0}, context=3)
    live.push({"eeg": data.ravel()})
    bad = (np.arange(16) >= 5) & (np.arange(16) < 12)
    np.testing.assert_array_equal(live.flagged, bad)
    good = data[~bad]
    level = (data[-1].mean() - good.mean()) / good.std()
    found = probabilities(live.stages())[-1, 0]
    np.testing.assert_allclose(found, wake_at(level), rtol=1e-5)


def test_a_pickled_stager_goes_on_where_it_was(stager_and_night):
    stager, night = stager_and_night
    live = live_of(stager, night, context=4, look_ahead=1)
    parts = [
        {n: x[:, i : i + 16_500] for n, x in whole(night).items()} for i in (0, 16_500)
    ]
    live.push(parts[0])
    other = pickle.loads(pickle.dumps(live))
    for each in (live, other):
        each.push(parts[1])
    assert live.finish() == other.finish()
    assert live.report() == other.report()


def test_a_reference_night_counts_as_if_it_came_before():
    data, sfreq = drifting(12), {"eeg": 10.0}
    params = {"sfreq": sfreq, "context": 20}
    reference = night_of(data[: 8 * 300])
    joined = StreamingStager(scaled_level(), **params)
    joined.push({"eeg": data})
    second = StreamingStager(scaled_level(), **params, reference=reference)
    second.push({"eeg": data[8 * 300 :]})
    np.testing.assert_allclose(
        probabilities(second.stages()), probabilities(joined.stages())[8:], rtol=1e-5
    )


def test_a_stager_without_steps_stages_the_window():
    data = drifting(6)
    live = StreamingStager(Level(), sfreq={"eeg": 10.0}, context=2)
    live.push({"eeg": data})
    level = data.reshape(6, -1).mean(axis=1)
    np.testing.assert_allclose(
        probabilities(live.stages())[:, 0], wake_at(level), rtol=1e-5
    )


@pytest.mark.parametrize("sfreq", [9.9, 10.03, 7.77])
def test_odd_rates_lose_no_epoch(sfreq):
    data = drifting(31, sfreq)
    live = StreamingStager(scaled_level(), sfreq={"eeg": sfreq}, context=4)
    for part in np.array_split(data, 50):
        live.push({"eeg": part})
    assert len(live.finish()) == 31
    assert (live.stages().stages >= 0).all()
    assert live.report()["eeg"].lost == 0


def test_several_channels_and_the_start():
    start = datetime(2026, 1, 1, 22)
    live = StreamingStager(
        Level(), sfreq={"eeg": 10}, ch_names={"eeg": ["C3", "C4"]}, start=start
    )
    assert len(live.stages()) == 0
    live.push({"eeg": np.stack([drifting(2), drifting(2)])})
    assert (len(live.stages()), live.stages().start) == (2, start)


# ---------------------------------------------------------- late, lost and repeated


def test_a_lost_chunk_is_missing_signal(stager_and_night):
    stager, night = stager_and_night
    lost = slice(7 * 3000 + 500, 9 * 3000 + 200)
    eeg = night.signals["eeg"]
    data = eeg.data.copy()
    data[:, lost] = np.nan
    gap = night.with_signals({**night.signals, "eeg": eeg.replace(data=data)})
    live = live_of(stager, night, look_ahead=N_EPOCHS, context=N_EPOCHS + 1)
    for start in range(0, N_EPOCHS * 3000, 100):
        for name, values in whole(night).items():
            if name == "emg" or not lost.start <= start < lost.stop:
                live.push({name: values[:, start : start + 100]}, at=start)
    assert live.finish() == stage_night(stager, gap).hypnogram
    report = live.report()["eeg"]
    assert (report.lost, report.late) == (lost.stop - lost.start, 0)


def test_late_chunks_may_come_in_any_order(stager_and_night):
    stager, night = stager_and_night
    rng = np.random.default_rng(1)
    pieces = chunks(night, rng, longest=1.0)
    jittered = sorted(pieces, key=lambda piece: piece[0] + rng.uniform(0, 4))
    assert [p[2] for p in jittered] != [p[2] for p in pieces]
    live = live_of(stager, night, context=6)
    for _, name, start, values in jittered:
        live.push({name: values}, at=start)
    in_order = live_of(stager, night, context=6)
    in_order.push(whole(night))
    assert live.finish() == in_order.finish()
    assert {r.late + r.lost for r in live.report().values()} == {0}


def test_what_is_too_late_is_left_out():
    data = drifting(3)
    live = StreamingStager(Level(), sfreq={"eeg": 10.0}, patience=2)
    live.push({"eeg": data[:250]})
    assert live.push({"eeg": data[310:315]}, at=310).size == 0  # 1 s after the end
    assert live.push({"eeg": data[290:310]}, at=290).size == 0  # still in time
    assert live.push({"eeg": data[315:600]}).size == 0  # 40 samples are waited for
    assert live.push({"eeg": data[600:]}).tolist() == [-1, 0, 0]
    assert live.push({"eeg": data[250:290]}, at=250).size == 0
    report = live.report()["eeg"]
    assert (report.lost, report.late, report.received) == (40, 40, 860)


def test_repeated_chunks_change_nothing():
    data = drifting(3)
    live = StreamingStager(scaled_level(), sfreq={"eeg": 10.0})
    once = StreamingStager(scaled_level(), sfreq={"eeg": 10.0})
    once.push({"eeg": data})
    live.push({"eeg": data[:100]})
    live.push({"eeg": data[:100] + 50}, at=0)
    live.push({"eeg": data[50:]}, at=50)
    live.push({"eeg": data[600:]}, at=600)
    assert live.stages() == once.stages()
    assert live.report()["eeg"].repeated == 100 + 50 + 300


def test_a_modality_that_falls_silent_holds_up_nothing(stager_and_night):
    stager, night = stager_and_night
    live = live_of(stager, night)
    live.push({"emg": night.signals["emg"].data[:, :1000]})
    eeg = night.signals["eeg"].data
    assert live.push({"eeg": eeg[:, :3500]}).size == 0
    assert live.push({"eeg": eeg[:, 3500:3501]}).size == 1
    live.push({"eeg": eeg[:, 3501:]})
    assert len(live.finish()) == N_EPOCHS
    assert (live.stages().stages >= 0).all()
    alone = night.with_signals({"eeg": night.signals["eeg"]})
    other = live_of(stager, alone)
    other.push(whole(alone))
    np.testing.assert_array_equal(
        probabilities(live.stages()), probabilities(other.finish())
    )


def test_a_modality_that_starts_late(stager_and_night):
    stager, night = stager_and_night
    emg = night.signals["emg"]
    data = emg.data.copy()
    data[:, : 5 * 3000 + 700] = np.nan
    late = night.with_signals({**night.signals, "emg": emg.replace(data=data)})
    live = live_of(stager, night, look_ahead=N_EPOCHS, context=N_EPOCHS + 1)
    eeg = night.signals["eeg"].data
    for start in range(0, eeg.shape[1], 100):
        live.push({"eeg": eeg[:, start : start + 100]})
        if start >= 5 * 3000 + 700:
            live.push({"emg": data[:, start : start + 100]}, at=start)
    assert live.finish() == stage_night(stager, late).hypnogram


def test_only_a_modality_that_is_not_taken_has_signal():
    """The default stager takes no ECG, and refuses a night without anything else."""
    live = StreamingStager(load_stager(), sfreq={"eeg": 100.0, "ecg": 50.0}, context=2)
    live.push({"ecg": drifting(4, 50.0)})
    live.push({"eeg": drifting(1, 100.0)}, at=3 * 3000)
    assert (live.finish().stages >= 0).tolist() == [False, False, False, True]


@pytest.mark.parametrize("first", [320, 300, 598])
def test_short_holes_are_bridged(first):
    data = drifting(3)
    line = data.copy()
    inside = np.r_[300:first, first + 2 : 600]
    line[first : first + 2] = np.interp([first, first + 1], inside, data[inside])
    holed, filled = (
        StreamingStager(Level(), sfreq={"eeg": 10.0}, look_ahead=1) for _ in range(2)
    )
    holed.push({"eeg": data[:first]})
    holed.push({"eeg": data[first + 2 :]}, at=first + 2)
    filled.push({"eeg": line})
    assert holed.finish() == filled.finish()
    assert holed.report()["eeg"].lost == 2


def test_longer_holes_are_not_bridged():
    data = drifting(3)
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    live.push({"eeg": data[:320]})
    live.push({"eeg": data[323:]}, at=323)
    assert live.finish().stages.tolist() == [0, -1, 0]


@pytest.mark.parametrize("share", [-2e-3, 2e-3])
def test_a_clock_that_drifts_costs_no_epoch(share):
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    push_timed(live, drifting(40), 10.0 * (1 + share))
    assert (live.finish().stages >= 0).all()
    report = live.report()["eeg"]
    assert report.drift == pytest.approx(share)
    assert report.repeated if share > 0 else report.lost


def test_staging_goes_on_after_errors_of_the_stager():
    class Broken(Level):
        works = True

        def predict_proba(self, night):
            if not self.works:
                msg = "no device"
                raise OSError(msg)
            return super().predict_proba(night)

    data, stager = drifting(8), Broken()
    live = StreamingStager(stager, sfreq={"eeg": 10.0}, context=2)
    live.push({"eeg": data[:600]})
    stager.works = False
    for start in range(600, 1800, 300):
        with pytest.raises(OSError, match="no device"):
            live.push({"eeg": data[start : start + 300]})
    stager.works = True
    assert live.push({"eeg": data[1800:2100]}).tolist() == [-1, -1, -1, 0, 0]
    sound = StreamingStager(stager, sfreq={"eeg": 10.0}, context=2)
    sound.push({"eeg": data})
    live.push({"eeg": data[2100:]})
    np.testing.assert_array_equal(
        probabilities(live.stages())[5:], probabilities(sound.stages())[5:]
    )


def test_hours_without_signal_are_soon_over(monkeypatch):
    calls = []

    def count(*args):
        calls.append(args)
        return stage_night(*args)

    data = drifting(8)
    live = StreamingStager(scaled_level(), sfreq={"eeg": 10.0}, context=4)
    monkeypatch.setattr(_streaming_stager, "stage_night", count)
    live.push({"eeg": data[:1200]})
    assert live.push({"eeg": data[1200:]}, at=1000 * 300).tolist() == (
        [-1] * 996 + [0] * 4
    )
    assert len(calls) == 4 + 3 + 4


def test_epochs_without_signal_are_unscored():
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    live.push({"eeg": np.full(300, np.nan)})
    live.push({"eeg": np.append(drifting(1)[:299], 1e300)})  # no float32
    live.push({"eeg": drifting(1)}, at=900)
    assert live.finish().stages[:3].tolist() == [-1, -1, -1]
    assert live.stages().stages[3] >= 0
    assert np.isnan(probabilities(live.stages())[:3]).all()


def test_times_place_chunks_and_measure_the_rate():
    data = drifting(20)
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    true_rate = 10.01
    for start in range(0, 6000, 50):
        if start != 2000:
            live.push({"eeg": data[start : start + 50]}, time=start / true_rate)
    report = live.report()["eeg"]
    assert report.counted_sfreq == pytest.approx(true_rate)
    assert report.drift == pytest.approx(1e-3)
    assert report.late == 0
    assert 45 <= report.lost + report.repeated <= 60  # the chunk left out, and drift


def test_without_times_no_rate_is_counted():
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    live.push({"eeg": drifting(1)})
    assert np.isnan(live.report()["eeg"].counted_sfreq)


def test_memory_does_not_grow():
    data = drifting(1, sfreq=100.0)
    live = StreamingStager(scaled_level(), sfreq={"eeg": 100.0}, context=3)

    def push(n_epochs):
        for _ in range(n_epochs):
            live.push({"eeg": data})

    push(8)
    tracemalloc.start()
    try:
        push(4)
        before = tracemalloc.get_traced_memory()[0]
        push(30)
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 30 * data.nbytes / 5


# ---------------------------------------------------------------------------- errors


def test_a_wrong_unit_is_told_once():
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    with pytest.warns(SleepkitWarning, match="'eeg' has a robust SD.*volts") as told:
        live.push({"eeg": drifting(2) / 1e6})
    assert len(told) == 1
    assert told[0].filename == __file__


def test_a_wrong_rate_is_told_once():
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    with pytest.warns(SleepkitWarning, match=r"come at 9.5 Hz, not 10 Hz") as told:
        push_timed(live, drifting(4), 9.5, n_times=10)
    assert len(told) == 1


def test_a_stager_is_tried_before_the_night():
    with pytest.raises(NotFittedError) as caught:
        StreamingStager(make_stager("trees"), sfreq={"eeg": 100.0})
    assert "on an epoch of noise with ['eeg']" in caught.value.__notes__[0]
    with pytest.raises(RecordingError, match="cannot stage"):
        StreamingStager(load_stager(), sfreq={"ecg": 100.0})


def test_a_reference_is_a_recording():
    with pytest.raises(TypeError, match="'reference' parameter of StreamingStager"):
        StreamingStager(Level(), sfreq={"eeg": 10.0}, reference="night.edf")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sfreq": {}}, "'sfreq' parameter of StreamingStager must be a mapping"),
        ({"sfreq": 100}, "'sfreq' parameter of StreamingStager must be a mapping"),
        ({"sfreq": {"eeg": 0}}, r"sfreq['eeg']"),
        ({"ch_names": {"emg": ["a"]}}, "'ch_names' parameter of StreamingStager"),
        ({"ch_names": {"eeg": "C3"}}, "'ch_names' parameter of StreamingStager"),
        ({"ch_names": {"eeg": []}}, "'ch_names' parameter of StreamingStager"),
        ({"ch_names": ["C3"]}, "'ch_names' parameter of StreamingStager"),
        ({"start": "22:00"}, "'start' parameter of StreamingStager"),
        ({"look_ahead": -1}, "'look_ahead' parameter of StreamingStager"),
        ({"look_ahead": 4, "context": 4}, "'context' parameter of StreamingStager"),
        ({"patience": -1.0}, "'patience' parameter of StreamingStager"),
        ({"epoch_duration": 0}, "'epoch_duration' parameter of StreamingStager"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        StreamingStager(Level(), **{"sfreq": {"eeg": 10.0}, **params})


def test_a_stager_without_probabilities():
    with pytest.raises(TypeError, match="must have predict_proba"):
        StreamingStager(SignalScaler(), sfreq={"eeg": 10.0})


@pytest.mark.parametrize(
    ("chunk", "params", "message"),
    [
        ({"ecg": [1.0]}, {}, r"\['eeg', 'emg'\], to samples. Got \['ecg'\]"),
        ([1.0], {}, "Got list instead"),
        ({"eeg": np.zeros((2, 5))}, {}, r"shape \(1, n_times\)"),
        ({"eeg": ["a"]}, {}, r"numbers of shape \(1, n_times\)"),
        ({"eeg": [[1, 2], [3]]}, {}, "Got rows of different lengths"),
        ({"eeg": [1.0]}, {"at": {"EEG": 3}}, r"\['eeg', 'emg'\]. Got \['EEG'\]"),
        ({"eeg": [1.0]}, {"time": {"ecg": 3}}, r"'time' of a chunk must map"),
        ({"eeg": [1.0], "emg": [1.0]}, {"at": 3}, "'at' must be a mapping"),
        ({"eeg": [1.0]}, {"at": 1.5}, "must be a whole number. Got 1.5"),
        ({"eeg": [1.0]}, {"at": -1}, "must begin at 0 s or later"),
        ({"eeg": [1.0]}, {"at": 10**7}, "at most 24 h"),
        ({"eeg": [1.0]}, {"time": np.inf}, "must be a finite number of seconds"),
        ({"eeg": [1.0]}, {"time": -3.0}, "must begin at 0 s or later"),
    ],
)
def test_bad_chunks_change_nothing(chunk, params, message):
    live = StreamingStager(Level(), sfreq={"eeg": 10.0, "emg": 10.0})
    with pytest.raises(RecordingError, match=message):
        live.push(chunk, **params)
    assert {r.received for r in live.report().values()} == {0}


def test_no_chunk_after_the_end():
    live = StreamingStager(Level(), sfreq={"eeg": 10.0})
    live.finish()
    with pytest.raises(RecordingError, match="came after finish"):
        live.push({"eeg": [1.0]})
