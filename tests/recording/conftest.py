"""Fixtures: lazy arrays that count their reads, and steps that count their calls."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sleepkit.recording import Recording


class CountingArray:
    """A lazy array in memory; `reads` counts how often they were read."""

    def __init__(self, values, fingerprint="counting"):
        self.values = np.asarray(values)
        self.fingerprint = fingerprint
        self.shape = self.values.shape
        self.dtype = self.values.dtype
        self.reads = 0

    def __array__(self, dtype=None, copy=None):
        self.reads += 1
        return np.array(self.values, dtype=dtype, copy=copy)


@dataclass(frozen=True)
class Scale:
    """A step that scales all signals and leaves a file for each call."""

    factor: float = 2.0
    calls: str = ""

    def __call__(self, recording: Recording) -> Recording:
        if self.calls:
            name = f"{recording.id.replace('/', '_')}-{uuid.uuid4().hex}"
            Path(self.calls, name).touch()
        return recording.with_signals(
            {
                name: signal.replace(data=signal.data * np.float32(self.factor))
                for name, signal in recording.signals.items()
            }
        )


class CountedScale:
    """Makes counting `Scale` steps, and lists their calls."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()

    def step(self, factor: float = 2.0) -> Scale:
        return Scale(factor, str(self.folder))

    def names(self) -> list[str]:
        return sorted(p.name.rpartition("-")[0] for p in self.folder.iterdir())


@pytest.fixture(scope="session")
def counting_array():
    return CountingArray


@pytest.fixture(scope="session")
def scale():
    """The class of a step that scales: ``X.map(scale(2.0))``."""
    return Scale


@pytest.fixture
def counted(tmp_path):
    """Steps that count: ``X.map(counted.step())``, ``counted.names()``."""
    return CountedScale(tmp_path / "calls")
