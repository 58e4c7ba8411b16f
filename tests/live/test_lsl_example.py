from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "user_guide" / "live.rst"
SFREQ, BEGIN = 100.0, 5000.25  # the clock of LSL counts from anywhere
N_CHANNELS, N_TIMES = 2, 24_000


class Inlet:
    """What the guide uses of `pylsl.StreamInlet`, as pylsl 1.18 returns it."""

    def __init__(self, info, *, processing_flags):
        assert processing_flags == "all"
        self.data = 20 * np.random.default_rng(0).normal(size=(N_TIMES, N_CHANNELS))
        self.start = 0

    def pull_chunk(self, timeout):
        """Return lists: of samples, each a list of channels, and of their times."""
        if self.start >= N_TIMES:
            raise KeyboardInterrupt
        end = self.start + 37 if self.start % 3 else self.start + 61
        rows = self.data[self.start : end].tolist()
        times = BEGIN + np.arange(self.start, self.start + len(rows)) / SFREQ
        self.start = end
        return ([], []) if end == N_TIMES // 2 else (rows, times.tolist())


class Info:
    """What the guide uses of `pylsl.StreamInfo`."""

    def nominal_srate(self):
        return SFREQ


def resolve_byprop(prop, value):
    assert (prop, value) == ("type", "EEG")
    return [Info()]


@pytest.fixture
def pylsl(monkeypatch):
    """A pylsl of these parts in place of the package."""
    fake = ModuleType("pylsl")
    fake.resolve_byprop = resolve_byprop
    fake.StreamInlet, fake.proc_ALL = Inlet, "all"
    monkeypatch.setitem(sys.modules, "pylsl", fake)


@pytest.mark.usefixtures("pylsl")
def test_the_example_of_the_guide(capsys):
    """Until the user ends it, as the guide says."""
    _, section = GUIDE.read_text().split("From an LSL stream\n")
    (code,) = re.findall(r"code-block:: python\n\n((?:   .*\n|\n)+)", section)
    variables = {}
    exec(compile(textwrap.dedent(code), str(GUIDE), "exec"), variables)
    report = variables["live"].report()["eeg"]
    assert (report.received, report.lost, report.repeated) == (N_TIMES, 0, 0)
    assert report.drift == pytest.approx(0)
    printed = [int(stage) for stage in capsys.readouterr().out.split()]
    assert printed == variables["hypnogram"].stages[:3].tolist()
    assert len(variables["hypnogram"]) == 8
