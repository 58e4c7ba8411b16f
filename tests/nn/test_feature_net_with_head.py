"""FeatureNet with its head: sizes as published, and what each feature depends on."""

from __future__ import annotations

import pytest
import torch

from sleepkit.nn import FeatureNetWithHead


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_numbers_of_parameters():
    with torch.device("meta"):
        net = FeatureNetWithHead({"eeg": (6, 3000), "eog": (2, 3000), "emg": (2, 3000)})
    assert count(net) == 348_517
    assert count(net.encoder) == 184_288
    assert net.encoder.n_features == 2560


def test_channels_in_another_order_give_the_same_blocks():
    net = FeatureNetWithHead({"eeg": (3, 400)}).eval()
    x = torch.randn(2, 3, 400)
    with torch.no_grad():
        blocks = net.encoder(x).unflatten(1, (3, -1))
        changed = net.encoder(x[:, [2, 0, 1]]).unflatten(1, (3, -1))
    torch.testing.assert_close(changed, blocks[:, [2, 0, 1]])


def test_the_head_is_affine():
    head = FeatureNetWithHead({"eeg": (1, 400)}).eval().head
    a, b = torch.randn(2, 4, head[1].in_features).unbind()
    torch.testing.assert_close(head(a + b), head(a) + head(b) - head(0 * a))


def test_channels_together_have_the_features_of_one():
    net = FeatureNetWithHead({"eeg": (3, 400)}, per_channel=False)
    assert net.encoder.n_features == 192  # three places in time
    assert net({"eeg": torch.randn(2, 3, 400)}).shape == (2, 5)


def test_an_epoch_without_signal_does_not_change_others():
    """Neither its values nor, in batch statistics, that it is there."""
    net = FeatureNetWithHead({"eeg": (1, 400), "eog": (1, 400)}, dropout=0.0)
    inputs = {name: torch.randn(4, 1, 400) for name in ("eeg", "eog")}
    there = torch.tensor([True, True, False, True])
    inputs["eeg"][2] = torch.nan
    found = net(inputs, dict.fromkeys(inputs, there))
    expected = net({name: x[there] for name, x in inputs.items()})
    torch.testing.assert_close(found[there], expected)
    assert found.isfinite().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_classes": 0}, "'n_classes' parameter of FeatureNetWithHead"),
        ({"d_head": 0}, "'d_head' parameter of FeatureNetWithHead"),
        ({"sfreq": 0}, "'sfreq' parameter"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        FeatureNetWithHead({"eeg": (1, 400)}, **options)


def test_bad_inputs():
    net = FeatureNetWithHead({"eeg": (1, 400), "eog": (1, 400)})
    with pytest.raises(ValueError, match="FeatureNetWithHead needs all of its"):
        net({"eeg": torch.zeros(2, 1, 400)})
    with pytest.raises(ValueError, match="FeatureNetWithHead needs epochs of shape"):
        FeatureNetWithHead({"eeg": (1, 400), "eog": (1, 200)})
