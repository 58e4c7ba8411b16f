from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module, invalidate_caches

import numpy as np
import pytest

from sleepkit.exceptions import StepError
from sleepkit.recording import Recording, Signal
from sleepkit.recording._step import Step


@pytest.fixture
def night(make_night):
    return make_night(2, sfreq=2.0, id="n", subject="s")


def same(recording):
    return recording


def times(recording, factor, offset=0.0):
    return recording.with_signals(
        {
            name: signal.replace(data=signal.data * factor + offset)
            for name, signal in recording.signals.items()
        }
    )


@dataclass(frozen=True)
class Weights:
    values: np.ndarray = field(default_factory=lambda: np.ones(3))
    note: object = None

    def __call__(self, recording):
        return times(recording, self.values.sum())

    def method(self, recording):
        return self(recording)

    @classmethod
    def build(cls, recording):
        return cls()(recording)


def make_local():
    def local(recording):
        return recording

    return local


def make_local_class():
    class Local:
        def __call__(self, recording):
            return recording

    return Local()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda recording: recording, "module-level function.*<lambda>"),
        (partial(lambda recording: recording), "<lambda>"),
        (make_local(), "<locals>.local"),
        (partial(make_local()), "<locals>.local"),
        (make_local_class(), "<locals>.Local"),
        (Weights().method, r"module-level function.*Weights\.method"),
        (Weights.build, r"Weights\.build"),
        (3, "must be callable; got 3"),
        (None, "must be callable; got None"),
        (partial(times, factor=lambda: 1), "must pickle"),
        (Weights(note=threading.Lock()), "must pickle"),
    ],
)
def test_what_workers_or_stores_could_not_name_is_refused(night, step, words):
    with pytest.raises(StepError, match=words):
        night.map(step)


def test_step_errors_are_type_errors():
    with pytest.raises(TypeError):
        Step(None)


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (same, 1),
        (partial(times, factor=3.0), 3),
        (partial(partial(times, factor=3.0), offset=0.0), 3),
        (Weights(np.array([1.0, 4.0])), 5),
        (partial(Weights(np.array([2.0]))), 2),
    ],
)
def test_functions_partials_and_instances_are_steps(night, step, factor):
    result = night.map(step).signals["eeg"].data
    np.testing.assert_allclose(result, night.signals["eeg"].data * factor, rtol=1e-6)


def rubbish(recording):
    return recording.signals


def nothing(recording):
    """Forget to return."""


def renamed(recording):
    return Recording(id="m", subject="s", signals=recording.signals)


def another_subject(recording):
    return Recording(id="n", subject="t", signals=recording.signals)


def longer(recording):
    signals = {"eeg": Signal(np.zeros((1, 600)), 2.0)}
    return Recording(id=recording.id, subject=recording.subject, signals=signals)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (rubbish, "Step rubbish must return a Recording; got mappingproxy"),
        (nothing, "Step nothing must return a Recording; got NoneType"),
        (renamed, r"Step renamed must keep id.*\('n', 's', 2\) into \('m', 's', 2\)"),
        (another_subject, r"Step another_subject must keep.*\('n', 't', 2\)"),
        (longer, r"Step longer must keep.*\('n', 's', 10\)"),
    ],
)
def test_a_step_that_does_not_keep_the_night_is_named(night, step, words):
    mapped = night.map(step)
    with pytest.raises(StepError, match=words):
        mapped.compute()


def scored_anew(recording):
    return Recording(
        id=recording.id,
        subject=recording.subject,
        signals=recording.signals,
        hypnogram=[4] * recording.n_epochs,
    )


def pending(recording):
    return recording.map(same)


def test_only_the_signals_of_a_step_are_taken(night):
    assert night.map(scored_anew).compute().hypnogram.tolist() == [0, 1]
    assert night.map(pending).compute().is_computed


def drop_eog(recording):
    return recording.with_signals({"eeg": recording.signals["eeg"]})


@dataclass(frozen=True)
class DropEOG:
    def __call__(self, recording):
        return drop_eog(recording)

    def layout(self, before):
        return {name: n for name, n in before.items() if name != "eog"}


def test_modalities_are_known_before_computing_or_it_is_an_error(night):
    announced = night.map(DropEOG())
    assert announced.modalities == tuple(announced.signals) == ("eeg",)
    with pytest.raises(
        StepError, match=r"drop_eog returned .*\{'eeg': None\}, but announced"
    ):
        night.map(drop_eog).compute()


@dataclass(frozen=True)
class Table:
    announced: int

    def __call__(self, recording):
        return recording.with_signals({"eeg": Signal(np.ones((recording.n_epochs, 3)))})

    def layout(self, before):
        return {"eeg": self.announced}


def test_the_number_of_features_is_known_before_computing_or_it_is_an_error(night):
    assert night.layout == {"eeg": None, "eog": None}
    assert (
        night.map(Table(3)).layout == night.map(Table(3)).compute().layout == {"eeg": 3}
    )
    with pytest.raises(
        StepError, match=r"returned .*\{'eeg': 3\}, but announced .*: 4"
    ):
        night.map(Table(4)).compute()


def test_fingerprint_changes_with_name_and_parameters():
    steps = [
        same,
        times,
        partial(times, factor=1.0),
        partial(times, factor=2.0),
        partial(times, 1.0),
        partial(times, factor=1.0, offset=1.0),
        Weights(),
        Weights(np.array([1.0, 1.0, 1.1])),
        Weights(np.ones(4)),
        Weights(np.ones(3, np.float32)),
        Weights(note="x"),
        DropEOG(),
    ]
    assert len({Step(step).fingerprint for step in steps}) == len(steps)
    for a, b in [
        (partial(times, factor=1.0), partial(times, factor=1.0)),
        (Weights(np.arange(3.0), note="x"), Weights(np.arange(3.0), note="x")),
    ]:
        assert Step(a).fingerprint == Step(b).fingerprint


MODULE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Add:
    number: float = {default}

    def __call__(self, recording):
        return recording  # {comment}

def function(recording):
    return recording, {default}
"""


def test_fingerprint_changes_with_the_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = set()
    for default, comment in [(1, "a"), (1, "b"), (2, "a")]:
        text = MODULE.format(default=default, comment=comment)
        (tmp_path / "changing_steps.py").write_text(text)
        sys.modules.pop("changing_steps", None)
        invalidate_caches()
        module = import_module("changing_steps")
        # The same value of the parameter each time: only the code differs.
        found.add(Step(module.Add(5)).fingerprint)
        found.add(Step(module.function).fingerprint)
    sys.modules.pop("changing_steps")
    assert len(found) == 3 + 2  # the function changed once


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from functools import partial
from steps_of_a_script import Many, shift
from sleepkit.recording import Recording, Signal

eeg = Signal(np.arange(120.0, dtype="f4").reshape(1, 60, 2)[..., 0], 2, ["C4"])
night = Recording(id="n", subject="s", signals={"eeg": eeg}, hypnogram=[0])
many = Many(np.linspace(0, 1, 5), {"eeg": (0.3, 40.0), "eog": (0.3, 23.0)}, {"b", "a"})
print(night.map(many).map(partial(shift, by=2, of="x")).fingerprint)
"""

STEPS = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Many:
    values: object
    bands: dict
    names: set

    def __call__(self, recording):
        return recording

def shift(recording, by, of):
    return recording
"""


def test_fingerprint_is_the_same_in_every_process(tmp_path):
    (tmp_path / "steps_of_a_script.py").write_text(STEPS)
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(found[0].strip()) == 32
    assert found[0] == found[1]


WITHOUT_SOURCE = """
from sleepkit.recording._step import Step
def typed(recording):
    return recording
first, second = Step(typed).fingerprint, Step(typed).fingerprint
assert first == second
print(first)
"""


def test_code_that_cannot_be_read_never_matches_another_session():
    found = {
        subprocess.run(
            [sys.executable, "-c", WITHOUT_SOURCE],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }
    assert len(found) == 2


def test_str_is_what_a_manifest_shows():
    assert str(Step(same)) == "same"
    assert str(Step(partial(times, factor=2.0))) == "times"
    assert str(Step(DropEOG())) == "DropEOG()"
