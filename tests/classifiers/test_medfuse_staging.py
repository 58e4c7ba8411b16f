"""Staging in two steps says what whole runs on overlapping sequences would."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.nn import EarlyFusionNet, MedFuseNet, MidLateFusionNet
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.training import RecordingSource
from sleepkit.training._inference import infer

SHAPES = {"eeg": (1, 4, 6), "eog": (2, 3, 3), "emg": (1, 4, 6)}


class Whole(torch.nn.Module):
    """A net that can only be run as a whole."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, inputs, present):
        return self.net(inputs, present)


def make_night(name, n_epochs, missing):
    """A night of random spectra; `missing` maps modalities to epochs, None to all."""
    rng = np.random.default_rng(len(name) + n_epochs)
    signals = {}
    for modality, shape in SHAPES.items():
        data = rng.normal(size=(n_epochs, *shape)).astype(np.float32)
        absent = missing.get(modality, [])
        if absent is not None:
            data[absent] = np.nan
            freqs = np.arange(shape[-1], dtype=float)
            channels = [str(i) for i in range(shape[0])]
            signals[modality] = Signal(data, freqs=freqs, ch_names=channels)
    return Recording(id=name, subject=name, signals=signals)


@pytest.fixture
def epochs():
    """Nights that lack this and that, one of them with a gap."""
    gap = [6, 7]
    nights = [
        make_night("complete", 11, {}),
        make_night("partly", 13, {"eeg": [*gap, 9], "eog": gap, "emg": [0, *gap]}),
        make_night("two", 3, {"emg": None}),
        make_night("one", 6, {"eog": None, "emg": None}),
    ]
    return RecordingSource(EpochArray(nights))


@pytest.fixture(params=[MedFuseNet, EarlyFusionNet, MidLateFusionNet])
def net(request):
    """A small net, whose heads differ."""
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 2, "max_relative_distance": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = request.param(SHAPES, dim_feedforward=12, d_head=10, **sizes)
        for head in made.heads.values():
            torch.nn.init.normal_(head[-1].weight)
    return made


@pytest.mark.parametrize("min_modalities_for_fusion", [1, 2, 3])
def test_two_steps_say_what_one_does(
    net, epochs, min_modalities_for_fusion, monkeypatch
):
    monkeypatch.setattr("sleepkit.training._two_step_inference._GROUP", 12)
    sizes = {"n_columns": 5, "batch_size": 2, "length": 5, "stride": 2}
    read_out = HeadSelector(min_modalities_for_fusion)
    whole = infer(Whole(net), read_out, epochs, **sizes)
    result = infer(net, read_out, epochs, **sizes)
    assert np.isnan(whole).any(axis=1).sum() == 2
    np.testing.assert_allclose(result, whole, atol=1e-5)
    near = infer(net, read_out, epochs, **sizes, precision="bfloat16")
    np.testing.assert_allclose(near, whole, atol=0.2)


def test_views_that_are_read():
    present = {"eeg": torch.tensor([1, 1, 0]), "eog": torch.tensor([1, 0, 0])}
    present = {name: there.bool() for name, there in present.items()}
    assert HeadSelector(1).heads(present) == {"fused"}
    assert HeadSelector(2).heads(present) == {"fused", "eeg"}
    assert HeadSelector(3).heads(present) == {"eeg", "eog"}
    assert HeadSelector(2).heads({"eog": present["eog"]}) == {"eog"}
    assert HeadSelector(2).heads({"eog": torch.zeros(2, dtype=torch.bool)}) == set()
