"""FeatureNet has the sizes of the published code and reads channels alike."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn import FeatureNet, VectorNet


@pytest.mark.parametrize(
    ("sfreq", "n_features"),
    [(100, 256), (125, 384), (128, 384), (200, 640), (256, 832)],
)
def test_features_of_a_channel(sfreq, n_features):
    net = FeatureNet(n_channels=1, n_times=30 * sfreq).eval()
    assert net.n_features == n_features
    assert net(torch.randn(2, 1, 30 * sfreq)).shape == (2, n_features)


def test_number_of_parameters():
    net = FeatureNet()
    assert sum(p.numel() for p in net.parameters()) == 184_288
    assert sum(p.numel() for p in FeatureNet(n_channels=6).parameters()) == 184_288


def test_convolutions_of_the_published_code():
    def sizes(branch):
        kinds = [module for module in branch if isinstance(module, nn.Conv1d)]
        return [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in kinds]

    def pools(branch):
        return [m.kernel_size for m in branch if isinstance(m, nn.MaxPool1d)]

    net = FeatureNet()
    assert sizes(net.small) == [(32, 50, 6), (64, 8, 1), (64, 8, 1), (64, 8, 1)]
    assert sizes(net.large) == [(64, 400, 50), (64, 6, 1), (64, 6, 1), (64, 6, 1)]
    assert (pools(net.small), pools(net.large)) == ([16, 8], [8, 4])


def read(x, convolution, norm, stride=1):
    """Convolution, then normalisation, then rectifier, in evaluation."""
    x = nn.functional.conv1d(x, convolution.weight, convolution.bias, stride)
    mean, scale = norm.running_mean, norm.weight / (norm.running_var + 1e-5).sqrt()
    return ((x - mean[:, None]) * scale[:, None] + norm.bias[:, None]).clamp(min=0)


def branch_by_hand(x, branch, stride, pools):
    """One wide convolution and three that keep the length, between two poolings."""
    convolutions = [m for m in branch if isinstance(m, nn.Conv1d)]
    norms = [m for m in branch if isinstance(m, nn.BatchNorm1d)]
    x = read(x, convolutions.pop(0), norms.pop(0), stride)
    x = nn.functional.max_pool1d(x, pools[0])
    for convolution, norm in zip(convolutions, norms, strict=True):
        kernel = convolution.kernel_size[0]
        # "same" of an even kernel: the odd sample is filled up at the end
        padded = nn.functional.pad(x, ((kernel - 1) // 2, kernel // 2))
        x = read(padded, convolution, norm)
    return nn.functional.max_pool1d(x, pools[1]).flatten(1)


def test_layer_by_layer():
    net = FeatureNet().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            for values in (module.running_mean, module.bias.data):
                values.normal_(0, 0.3)
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 2)
    x = torch.randn(3, 1, 3000)
    small = branch_by_hand(x, net.small, 6, (16, 8))
    large = branch_by_hand(x, net.large, 50, (8, 4))
    torch.testing.assert_close(net(x), torch.cat([small, large], dim=1))


@pytest.mark.parametrize("branch", ["small", "large"])
def test_half_is_dropped_after_the_first_pooling(branch):
    modules = list(getattr(FeatureNet(), branch))
    (at,) = (i for i, m in enumerate(modules) if isinstance(m, nn.Dropout))
    assert isinstance(modules[at - 1], nn.MaxPool1d)
    assert modules[at].p == 0.5


def test_channels_share_the_weights():
    one, three = FeatureNet().eval(), FeatureNet(n_channels=3).eval()
    three.load_state_dict(one.state_dict())
    x = torch.randn(2, 3, 3000)
    apart = torch.cat([one(x[:, [channel]]) for channel in range(3)], dim=1)
    torch.testing.assert_close(three(x), apart)


def test_channels_read_at_once():
    net = FeatureNet(n_channels=6, per_channel=False).eval()
    assert net.n_features == 256
    assert net.small[0].in_channels == net.large[0].in_channels == 6
    assert net(torch.randn(2, 6, 3000)).shape == (2, 256)


@pytest.mark.parametrize("n_times", [1, 49, 400, 1500, 1949, 1950, 1951])
def test_short_epochs_are_filled_up_with_zeros(n_times):
    net = FeatureNet(n_times=n_times).eval()
    x = torch.randn(2, 1, n_times)
    features = net(x)
    assert features.shape == (2, net.n_features)
    filled = nn.functional.pad(x, (0, max(1950 - n_times, 0)))
    longer = FeatureNet(n_times=filled.shape[-1]).eval()
    longer.load_state_dict(net.state_dict())
    torch.testing.assert_close(features, longer(filled))


def test_1950_samples_are_the_shortest_that_work():
    net = FeatureNet().eval()
    assert net.large(torch.randn(1, 1, 1950)).shape == (1, 64)
    with pytest.raises(RuntimeError, match="output size"):
        net.large(torch.randn(1, 1, 1949))


@pytest.mark.parametrize("net", [FeatureNet(n_times=100), VectorNet(7)])
@pytest.mark.parametrize("batch", [0, 1])
def test_too_few_rows_to_normalise_in_training(net, batch):
    shape = (batch, 7) if isinstance(net, VectorNet) else (batch, 1, 100)
    net.train()
    before = {name: value.clone() for name, value in net.named_buffers()}
    x = torch.randn(shape)
    net(x).sum().backward()
    assert net(x).shape == (batch, net.n_features)
    for name, value in net.named_buffers():
        torch.testing.assert_close(value, before[name], msg=name)


@pytest.mark.parametrize("sizes", [(0, 3000), (1, 0), (1, 2.5)])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="parameter of FeatureNet must be a whole"):
        FeatureNet(*sizes)


@pytest.mark.parametrize(
    ("sfreq", "wide"),
    [
        (100, [(50, 6), (400, 50)]),
        (200, [(100, 12), (800, 100)]),
        (125, [(62, 8), (500, 62)]),
        (50, [(25, 3), (200, 25)]),
        (1, [(1, 1), (4, 1)]),
    ],
)
def test_kernels_for_the_rate(sfreq, wide):
    net = FeatureNet(n_times=30 * sfreq, sfreq=sfreq).eval()
    first = [net.small[0], net.large[0]]
    assert [(c.kernel_size[0], c.stride[0]) for c in first] == wide
    features = net(torch.randn(2, 1, 30 * sfreq))
    assert features.shape == (2, net.n_features)
    if sfreq > 1:  # no 256 features can come of thirty samples
        assert net.n_features == 256


@pytest.mark.parametrize("sfreq", [1, 10, 64, 100, 128, 250, 512])
@pytest.mark.parametrize("seconds", [1, 20, 30])
def test_any_rate_and_length_works(sfreq, seconds):
    net = FeatureNet(n_times=seconds * sfreq, sfreq=sfreq).eval()
    features = net(torch.randn(1, 1, seconds * sfreq))
    assert features.shape == (1, net.n_features)
    assert net.n_features >= 2 * 64


def test_a_scaled_kernel_gives_the_same_features():
    """Twice the rate, each weight twice at half the size: the same features."""
    slow, fast = FeatureNet().eval(), FeatureNet(n_times=6000, sfreq=200).eval()
    state = slow.state_dict()
    for name in ("small.0.weight", "large.0.weight"):
        state[name] = state[name].repeat_interleave(2, dim=-1) / 2
    fast.load_state_dict(state)
    x = torch.randn(2, 1, 3000)
    torch.testing.assert_close(fast(x.repeat_interleave(2, dim=-1)), slow(x))


@pytest.mark.parametrize("sfreq", [0, -1, float("nan")])
def test_bad_rates(sfreq):
    with pytest.raises(ValueError, match="'sfreq' parameter of FeatureNet"):
        FeatureNet(sfreq=sfreq)


def test_norms_in_training_and_the_rest_in_evaluation():
    """Statistics of new subjects (adaptive batch norm) are those of all rows."""
    net = FeatureNet(dropout=0).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.train()
    x = torch.randn(150, 1, 3000)
    found = net(x)
    torch.testing.assert_close(found, FeatureNet.forward(net.train(), x))
    assert {
        int(m.num_batches_tracked) for m in net.modules() if hasattr(m, "momentum")
    } == {2}
