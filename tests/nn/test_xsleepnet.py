"""XSleepNet: sizes as published, spectra, heads, padding."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from sleepkit.nn import XSleepNet, XSleepNetOutput
from sleepkit.nn._log_spectrum import LogSpectrum
from sleepkit.signal import epoch_spectra

SHAPES = {"eeg": (2, 300), "eog": (1, 300)}
TINY = {
    "sequence_length": 6,
    "raw_hidden_size": 3,
    "n_layers": 2,
    "n_fft": 64,
    "n_spectral_filters": 4,
    "hidden_size": 3,
    "attention_size": 2,
}


def tiny_net(shapes=SHAPES, **options):
    more = {"sfreq": 30.0, "n_filters": (3, 4, 2)}
    return XSleepNet(shapes, **TINY | more | options)


def sequences(batch=3, seq=6):
    """Noise for all modalities of `tiny_net`."""
    return {name: torch.randn(batch, seq, *shape) for name, shape in SHAPES.items()}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# ------------------------------------------------------------------------- as published


@pytest.fixture(scope="module")
def published():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return XSleepNet({"eeg": (1, 3000)}).eval()


def test_numbers_of_parameters(published):
    """With 3,072 more than published, the second biases of torch's GRUs."""
    assert count(published) == 5_736_831 + 3_072
    assert count(published.convolutions) == 2_024_912
    assert count(published.raw_recurrent) == 3_542_016 + 3_072
    spectral = published.encoder, published.recurrent, published.spectral_head
    assert sum(map(count, spectral)) == 164_133
    assert count(published.joint_head) == 3_205


def test_number_of_parameters_of_two_channels():
    assert count(XSleepNet({"eeg": (1, 3000), "eog": (1, 3000)})) == 5_757_839 + 3_072


def test_lengths_of_the_convolutions(published):
    lengths, x = [], torch.zeros(1, 1, 3000)
    for layer in published.convolutions:
        x = layer(x)
        if isinstance(layer, nn.Conv1d):
            lengths.append(x.shape[-1])
    assert lengths == [1500, 750, 375, 188, 94, 47, 24, 12, 6]
    assert x.shape == (1, 1536)
    assert published.joint_head.in_features == 640


def test_start_of_the_kernels(published):
    kernel = published.convolutions[-3].weight
    assert 0.038 < kernel.abs().max() <= 0.04
    assert kernel.std().item() == pytest.approx(0.88 * 0.02, rel=0.02)


def test_no_dropout_follows_the_last_convolution(published):
    kinds = [type(layer).__name__ for layer in published.convolutions]
    assert kinds.count("Dropout") == 8
    assert kinds[-3:] == ["SameConv1d", "LeakyReLU", "Flatten"]


# ---------------------------------------------------------------------------- spectra


def test_spectra_are_those_of_the_function():
    x = 30 * torch.randn(3, 2, 3000)
    spectrum = LogSpectrum(2, 3000, 100.0, 256)
    expected = epoch_spectra(x.numpy(), 100.0, n_bins=129)
    assert spectrum.shape == expected.shape[1:] == (2, 29, 129)
    found = spectrum(x)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(("n_times", "sfreq"), [(300, 30.0), (10, 30.0), (700, 33.3)])
def test_spectra_of_other_rates_and_lengths(n_times, sfreq):
    x = torch.randn(2, 1, n_times)
    spectrum = LogSpectrum(1, n_times, sfreq, 128)
    expected = epoch_spectra(x.numpy(), sfreq, n_fft=128, n_bins=65)
    assert spectrum.shape == expected.shape[1:]
    np.testing.assert_allclose(spectrum(x), expected, atol=1e-3)


def test_spectra_are_scaled_by_what_was_fitted():
    spectrum, x = LogSpectrum(2, 300, 30.0, 64), torch.randn(40, 2, 300)
    x[:, 1] *= 50
    spectrum.fit(x.split(7))
    scaled = spectrum(x)
    zero = torch.zeros(2, 33)
    torch.testing.assert_close(scaled.mean((0, 2)), zero, atol=1e-4, rtol=0)
    std = scaled.std((0, 2), correction=0)
    torch.testing.assert_close(std, zero + 1, atol=1e-4, rtol=0)
    assert spectrum.n_values.tolist() == [40 * 9] * 2


def test_missing_frames_have_no_part_in_the_scaling():
    spectrum, x = LogSpectrum(1, 300, 30.0, 64), torch.randn(40, 1, 300)
    spectrum.fit([x])
    center = spectrum.center.clone()
    gaps = torch.cat([x, torch.zeros(5, 1, 300)])
    spectrum.fit([gaps])
    torch.testing.assert_close(spectrum.center, center)
    assert (spectrum(gaps)[40:] == 0).all()


def test_a_constant_bin_is_centred():
    spectrum = LogSpectrum(1, 300, 30.0, 64)
    spectrum.fit([torch.ones(3, 1, 300)])
    assert spectrum(torch.ones(1, 1, 300)).abs().max() < 1e-3


# ------------------------------------------------------------ what an output depends on


def test_the_joint_head_reads_both_branches():
    net, inputs = tiny_net().eval(), sequences()
    raw, spectral = net.encode(inputs)
    before = net.decode((raw, spectral))
    for changed, same in (((raw + 1, spectral), 1), ((raw, spectral + 1), 0)):
        after = net.decode(changed)
        assert torch.equal(after[same], before[same])
        assert not torch.equal(after[1 - same], before[1 - same])
        assert not torch.equal(after.joint, before.joint)


def test_an_encoding_depends_on_its_epoch_alone():
    net, inputs = tiny_net().eval(), sequences()
    other = inputs | {"eog": inputs["eog"].clone()}
    other["eog"][:, 2] += 1
    for a, b in zip(net.encode(inputs), net.encode(other), strict=True):
        assert (a != b).any(-1).any(0).tolist() == [i == 2 for i in range(6)]
    for a, b in zip(net(inputs), net(other), strict=True):
        assert (a != b).any(-1).all()


def test_directions_of_the_gru_are_independent():
    """The last layer of one direction does not depend on what is in its future."""
    gru, x = tiny_net().eval().raw_recurrent, torch.randn(1, 6, 76)
    other = x.clone()
    other[:, 3] += 1
    changed = (gru(x) != gru(other))[0]
    assert changed[:, :3].any(-1).tolist() == [i >= 3 for i in range(6)]
    assert changed[:, 3:].any(-1).tolist() == [i <= 3 for i in range(6)]


def test_forward_is_decoding_what_was_encoded():
    net, inputs = tiny_net().eval(), sequences()
    output = net(inputs)
    assert isinstance(output, XSleepNetOutput)
    for a, b in zip(output, net.decode(net.encode(inputs)), strict=True):
        assert a.shape == (3, 6, 5)
        torch.testing.assert_close(a, b)


def test_signals_are_scaled_for_the_convolutions_alone():
    one, tenth = tiny_net().eval(), tiny_net(signal_scale=0.1).eval()
    tenth.load_state_dict(one.state_dict())
    inputs = sequences()
    raw, spectral = one.encode(inputs)
    larger = {name: 10 * x for name, x in inputs.items()}
    torch.testing.assert_close(tenth.encode(larger)[0], raw)
    torch.testing.assert_close(tenth.encode(inputs)[1], spectral)


# ------------------------------------------------------------------------------ padding


PADDED = torch.tensor(
    [[0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1]]
).bool()


def with_padding(fill):
    """The same epochs with other values where there is padding."""
    torch.manual_seed(1)
    return {
        name: torch.where(PADDED[..., None, None], x, fill)
        for name, x in sequences().items()
    }


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_change_others(training):
    present = dict.fromkeys(SHAPES, PADDED)
    net = tiny_net(dropout=0.0, conv_dropout=0.0).train(training)
    other = copy.deepcopy(net)
    first = net(with_padding(0.0), present)
    second = other(with_padding(math.nan), present)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a[PADDED], b[PADDED])
    for a, b in zip(net.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)
    sum(logits[PADDED].sum() for logits in first).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["n_classes", "sfreq", "signal_scale", *TINY])
def test_bad_options(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of XSleepNet"):
        tiny_net(**{name: 0})


def test_frames_that_are_longer_than_the_transform():
    with pytest.raises(ValueError, match=r"'n_fft' .* 2 s, here 60, at 30 Hz. Got 32"):
        tiny_net(n_fft=32)


def test_bad_inputs():
    net, inputs = tiny_net(), sequences()
    with pytest.raises(ValueError, match="XSleepNet needs all of its modalities"):
        net({"eeg": inputs["eeg"]})
    with pytest.raises(ValueError, match=r"XSleepNet needs 'eog' of shape \(batch, "):
        net(inputs | {"eog": inputs["eog"][0]})
    with pytest.raises(ValueError, match=r"XSleepNet needs epochs of shape"):
        tiny_net({"eeg": (1, 29, 128)})
