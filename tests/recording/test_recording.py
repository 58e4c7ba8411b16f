from __future__ import annotations

import pickle
from datetime import datetime

import joblib
import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import EpochArray, Recording, Signal


def night(n_epochs=3, **changes):
    signals = {"eeg": Signal(np.ones((1, n_epochs * 60)), 2)}
    parts = {"id": "n", "subject": "s", "signals": signals, **changes}
    return Recording(**parts)


def failing(recording):
    msg = f"a pending step was run on {recording}"
    raise AssertionError(msg)


def test_epochs_are_counted_by_the_shortest_signal_or_the_hypnogram():
    signals = {
        "eeg": Signal(np.zeros((1, 300)), 2),  # 5 epochs
        "eog": Signal(np.zeros((1, 260)), 2),  # 4.3 epochs
    }
    assert night(signals=signals).n_epochs == 4
    assert night(signals=signals, hypnogram=[0] * 4).n_epochs == 4
    assert night(signals={}, hypnogram=[0] * 7).n_epochs == 7
    assert night(epoch_duration=15).n_epochs == 6


@pytest.mark.parametrize("n_stages", [2, 4])
def test_a_hypnogram_of_another_length_is_refused(n_stages):
    with pytest.raises(
        RecordingError, match=rf"recording 'n' has {n_stages} epochs.*\{{'eeg': 3\}}"
    ):
        night(hypnogram=[0] * n_stages)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hypnogram": [0, 1, 7]}, r"0 W, 1 N1.*Got \[7\]"),
        ({"hypnogram": [[0, 1, 2]]}, r"Got shape \(1, 3\)"),
        ({"hypnogram": []}, "non-empty"),
        (
            {"hypnogram": ["W", "N1", "N2"]},
            "'hypnogram' parameter of Recording",
        ),
        ({"hypnogram": [0, 1, np.nan]}, "'hypnogram' parameter of Recording"),
        ({"hypnogram": [0, 1, 0.5]}, "'hypnogram' parameter of Recording"),
        ({"signals": {}}, "'n' needs a hypnogram, or signals of at least one epoch"),
        ({"signals": {"eeg": np.ones((1, 60))}}, "got 'eeg': ndarray"),
        ({"signals": {1: Signal(np.ones((1, 60)), 2)}}, "got 1: Signal"),
        ({"epoch_duration": 0}, "'epoch_duration' parameter of Recording"),
        (
            {"signals": {"eeg": Signal(np.ones((1, 180)), 2, valid=[True] * 2)}},
            "'n' has 3 epochs, but 'valid' of its 'eeg' signal has only 2",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes, words):
    with pytest.raises(ValueError, match=words):
        night(**changes)


def test_a_hypnogram_of_other_epochs_is_refused():
    scored = Hypnogram([0, 1], epoch_duration=20)
    with pytest.raises(ValueError, match=r"Recording .* the hypnogram, 20 s\. Got 30"):
        Recording(id="n", subject="s", signals={}, hypnogram=scored)
    night = Recording(
        id="n", subject="s", signals={}, hypnogram=scored, epoch_duration=20
    )
    assert night.hypnogram.tolist() == [0, 1]


def test_a_signal_shorter_than_an_epoch_is_refused():
    with pytest.raises(RecordingError, match=r"at least one epoch.*'eeg': 0"):
        night(signals={"eeg": Signal(np.ones((1, 59)), 2)})


def test_the_hypnogram_is_a_read_only_copy_in_int8():
    stages = np.array([0, -1, 4])
    recording = night(hypnogram=stages)
    stages[0] = 3
    assert recording.hypnogram.dtype == np.int8
    assert recording.hypnogram.tolist() == [0, -1, 4]
    for copy in (recording, pickle.loads(pickle.dumps(recording))):
        with pytest.raises(ValueError, match="read-only"):
            copy.hypnogram[0] = 1


def test_signals_cannot_be_changed_in_place():
    for recording in (night(), pickle.loads(pickle.dumps(night()))):
        with pytest.raises(TypeError):
            recording.signals["eog"] = recording.signals["eeg"]


def test_a_step_waits_until_signals_are_read(counted):
    recording = night().map(counted.step(3)).map(counted.step(5))
    assert recording.modalities == ("eeg",)
    assert not recording.is_computed
    assert "2 steps pending" in repr(recording)
    assert recording.n_epochs == 3
    assert recording.fingerprint
    pickle.loads(pickle.dumps(recording))
    assert counted.names() == []
    computed = recording.compute()
    assert computed.is_computed
    assert computed.signals["eeg"].data[0, 0] == 15
    assert counted.names() == ["n", "n"]
    assert computed.compute() is computed


def test_steps_run_in_order_on_a_copy(scale):
    source = night()
    before = source.fingerprint
    recording = source.map(scale(2.0)).map(add_one)
    assert recording.signals["eeg"].data[0, 0] == 3
    assert source.signals["eeg"].data[0, 0] == 1
    assert source.fingerprint == before


def add_one(recording):
    return recording.with_signals(
        {n: s.replace(data=s.data + 1) for n, s in recording.signals.items()}
    )


def test_a_lazy_source_is_read_at_access(counting_array, scale):
    lazy = counting_array(np.ones((1, 180)))
    recording = night(signals={"eeg": Signal(lazy, 2)}).map(scale())
    assert recording.fingerprint
    assert lazy.reads == 0
    assert recording.load().signals["eeg"].is_loaded
    assert lazy.reads == 1


def test_kept_values(counting_array, tmp_path, scale):
    lazy = counting_array(np.ones((1, 180)))
    source = night(signals={"eeg": Signal(lazy, 2), "eog": Signal(np.ones(180), 2)})
    stored = source.map(scale()).cached(tmp_path)
    assert not source.is_in_memory_or_stored
    assert not source.map(scale()).is_in_memory_or_stored
    assert stored.is_in_memory_or_stored
    assert not stored.map(scale()).is_in_memory_or_stored
    assert lazy.reads == 0
    assert source.load().is_in_memory_or_stored
    assert stored.compute().is_in_memory_or_stored


def test_kept_values_of_which_some_are_left_out(tmp_path, scale):
    stored = EpochArray([night().map(scale())]).cached(tmp_path)
    for chosen in (stored.select(["eeg"]), stored.materialize().select(["eeg"])):
        assert chosen.recordings[0].is_in_memory_or_stored
    assert (
        not EpochArray([night().map(scale())])
        .select(["eeg"])
        .recordings[0]
        .is_in_memory_or_stored
    )


def test_with_signals_keeps_the_night():
    start = datetime(2020, 1, 1, 22)
    recording = night(hypnogram=[0, 1, 2], start=start, lights_off=30.0, lights_on=80.0)
    changed = recording.map(failing).with_signals({"x": Signal(np.zeros((3, 5)))})
    assert changed.modalities == ("x",)
    assert changed.is_computed
    assert changed.hypnogram is recording.hypnogram
    assert (changed.start, changed.lights_off, changed.lights_on) == (start, 30, 80)


def test_replace_changes_what_is_named_and_keeps_the_steps(scale):
    known = night(hypnogram=[0, 1, 2]).map(scale(3.0))
    changed = known.replace(id="m", subject="t", hypnogram=[2, 2, -1], lights_off=9.0)
    assert (changed.id, changed.subject, changed.lights_off) == ("m", "t", 9.0)
    assert changed.hypnogram.tolist() == [2, 2, -1]
    assert changed.signals["eeg"].data.max() == 3.0
    assert (known.id, known.hypnogram.tolist()) == ("n", [0, 1, 2])
    assert changed.fingerprint != known.fingerprint
    assert known.replace(hypnogram=None).n_epochs == 3


def test_info_is_read_only_and_goes_with_the_night(scale, tmp_path):
    known = {"age": 61.0, "sex": "F"}
    recording = night(info=known)
    known["age"] = 0.0
    changed = recording.map(scale(3.0)).cached(str(tmp_path)).replace(subject="t")
    for copy in (
        recording,
        changed,
        changed.load(),
        pickle.loads(pickle.dumps(changed)),
    ):
        assert copy.info == {"age": 61.0, "sex": "F"}
        with pytest.raises(TypeError):
            copy.info["age"] = 0.0
    assert changed.replace(info={"sex": "M"}).info == {"sex": "M"}
    assert night().info == {}
    assert night(info={}).fingerprint == night().fingerprint


def test_replace_refuses_what_does_not_fit():
    with pytest.raises(TypeError, match=r"Recording.replace changes .*got \['sfreq'\]"):
        night().replace(sfreq=100)
    with pytest.raises(
        RecordingError, match="has 3 epochs, but its new hypnogram has 2"
    ):
        night().replace(hypnogram=[0, 1])


def test_with_signals_may_be_longer_but_not_shorter():
    assert night().with_signals({"x": Signal(np.zeros((4, 5)))}).n_epochs == 3
    with pytest.raises(
        RecordingError, match=r"'n' has 3 epochs.*'x' signal has only 2"
    ):
        night().with_signals({"x": Signal(np.zeros((2, 5)))})
    with pytest.raises(RecordingError, match="'valid' of its 'x' signal has only 2"):
        night().with_signals({"x": Signal(np.zeros((1, 180)), 2, valid=[True] * 2)})
    with pytest.raises(RecordingError, match="must map names to Signal"):
        night().with_signals({"x": np.zeros((3, 5))})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "m"},
        {"subject": "t"},
        {"hypnogram": [0, 1, 1]},
        {"hypnogram": None},
        {"epoch_duration": 29.9},
        {"start": datetime(2020, 1, 1)},
        {"lights_off": 2.0},
        {"lights_on": 2.0},
        {"info": {"age": 61.0}},
        {"signals": {"eeg": Signal(np.full((1, 180), 2), 2)}},
        {"signals": {"eog": Signal(np.ones((1, 180)), 2)}},
    ],
)
def test_fingerprint_tells_every_part(changes):
    parts = {"hypnogram": [0, 1, 2]}
    assert night(**{**parts, **changes}).fingerprint != night(**parts).fingerprint, (
        changes
    )


def test_fingerprint_tells_the_steps_and_their_order(scale):
    chains = [(), (scale(2),), (scale(3),), (scale(2), scale(3)), (scale(3), scale(2))]
    found = set()
    for chain in chains:
        recording = night()
        for step in chain:
            recording = recording.map(step)
        found.add(recording.fingerprint)
    assert len(found) == len(chains)


def test_a_fingerprint_is_not_handed_down(scale):
    source = night()
    assert source.fingerprint  # known before the copies are made
    copies = [source.map(scale(2)), source.with_signals({})]
    assert len({r.fingerprint for r in (source, *copies)}) == 3


def test_fingerprint_does_not_depend_on_where_results_are_kept(tmp_path, scale):
    plain = night().map(scale(2)).map(scale(3))
    cached = night().map(scale(2)).cached(tmp_path / "a").map(scale(3))
    assert plain.fingerprint == cached.fingerprint


def test_a_pickle_and_its_hash_do_not_change_with_the_fingerprint(scale):
    recording = night(hypnogram=[0, 1, 2]).map(scale())
    before = joblib.hash(recording)
    fingerprint = recording.fingerprint
    again = pickle.loads(pickle.dumps(recording))
    assert joblib.hash(recording) == before
    assert again.fingerprint == fingerprint
    assert again.signals["eeg"].data[0, 0] == 2


def test_repr_is_short():
    assert repr(night()) == "Recording('n' of 's': 3 epochs of 30 s, eeg)"
    assert "no modality" in repr(night(signals={}, hypnogram=[0]))
