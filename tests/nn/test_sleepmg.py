"""SleepMGNet: sizes of the paper, absent modalities, two heads in one descent."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from sleepkit.nn import SleepMGNet, modality_logits

PAPER = {"eeg": (6, 3000), "eog": (2, 3000), "emg": (1, 3000), "ecg": (1, 3000)}
VECTORS = {"eeg": (6,), "eog": (3,), "emg": (2,)}


def batch_of(shapes, n=4):
    return {name: torch.randn(n, *shape) for name, shape in shapes.items()}


def gradients(loss, parameters):
    return torch.autograd.grad(loss, list(parameters), retain_graph=True)


def test_ten_channels_of_the_paper():
    net = SleepMGNet(PAPER, n_domains=4).eval()
    widths = {name: s.stop - s.start for name, s in net.slices.items()}
    assert widths == {"eeg": 1536, "eog": 512, "emg": 256, "ecg": 256}
    assert net.stage_head.weight.shape == (5, 2560)
    assert net.domain_head.weight.shape == (4, 2560)
    output = net(batch_of(PAPER, n=2))
    assert output.features.shape == (2, 2560)
    assert output.stage_logits.shape == (2, 5)
    assert output.domain_logits.shape == (2, 4)


def test_weights_are_shared_inside_a_modality_only():
    net = SleepMGNet(PAPER, n_domains=4)
    heads = (2560 + 1) * (5 + 4)
    assert sum(p.numel() for p in net.parameters()) == 4 * 184_288 + heads


def test_dropout_is_that_of_the_extractors():
    def rates(**options):
        modules = SleepMGNet({"eeg": (1, 300)}, **options).modules()
        return [module.p for module in modules if isinstance(module, nn.Dropout)]

    assert rates() == [0.5, 0.5]
    assert rates(dropout=0.2) == [0.2, 0.2]


def test_all_channels_of_a_modality_at_once():
    net = SleepMGNet(PAPER, per_channel=False)
    assert {s.stop - s.start for s in net.slices.values()} == {256}
    assert net.stage_head.in_features == 1024


@pytest.mark.parametrize("n_domains", [0, 1])
def test_no_head_without_two_domains(n_domains):
    net = SleepMGNet(VECTORS, n_domains=n_domains)
    assert net.domain_head is None
    assert net(batch_of(VECTORS)).domain_logits is None


def test_modality_logits_are_slices_of_the_head():
    torch.manual_seed(0)
    net = SleepMGNet(VECTORS, n_domains=3).double().eval()
    inputs = {name: x.double() for name, x in batch_of(VECTORS).items()}
    output = net(inputs)
    heads = [
        (net.stage_head, output.stage_logits),
        (net.domain_head, output.domain_logits),
    ]
    for head, logits in heads:
        alone = modality_logits(head, output.features, net.slices)
        total = sum(one - head.bias for one in alone.values()) + head.bias
        torch.testing.assert_close(total, logits)
    alone = modality_logits(net.stage_head, output.features, net.slices)
    for name, logits in alone.items():
        torch.testing.assert_close(net({name: inputs[name]}).stage_logits, logits)


def test_absent_modality_is_a_block_of_zeros():
    net = SleepMGNet(VECTORS).eval()
    inputs = batch_of(VECTORS)
    whole = net(inputs).features
    part = net({"emg": inputs["emg"]}).features
    for name, columns in net.slices.items():
        expected = whole[:, columns] if name == "emg" else 0 * whole[:, columns]
        torch.testing.assert_close(part[:, columns], expected, rtol=0, atol=0)


@pytest.mark.parametrize("shapes", [VECTORS, {"eeg": (2, 300), "eog": (1, 200)}])
@pytest.mark.parametrize("training", [False, True])
def test_absent_rows_are_never_read(shapes, training):
    torch.manual_seed(0)
    net = SleepMGNet(shapes, n_domains=2, dropout=0.0).train(training)
    other = pickle.loads(pickle.dumps(net))
    inputs = batch_of(shapes, n=6)
    present = {"eeg": torch.tensor([1, 0, 1, 1, 0, 1]).bool()}
    inputs["eeg"][~present["eeg"]] = torch.nan
    output = net(inputs, present)
    eeg = net.slices["eeg"]
    assert torch.isfinite(output.stage_logits).all()
    assert (output.features[~present["eeg"], eeg] == 0).all()
    alone = other({"eeg": inputs["eeg"][present["eeg"]]}).features[:, eeg]
    torch.testing.assert_close(output.features[present["eeg"], eeg], alone)
    ours, theirs = net.extractors["eeg"], other.extractors["eeg"]
    for (name, a), b in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(a, b, msg=name)
    output.stage_logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in ours.parameters())


@pytest.mark.parametrize("n_present", [0, 1])
def test_few_present_rows_in_training(n_present):
    net = SleepMGNet({"eeg": (1, 300), "age": (1,)}, n_domains=2).train()
    inputs = batch_of({"eeg": (1, 300), "age": (1,)}, n=3)
    present = {name: torch.arange(3) < n_present for name in inputs}
    output = net(inputs, present)
    torch.testing.assert_close(
        output.stage_logits[n_present:],
        net.stage_head.bias.expand(3 - n_present, 5),
    )
    (output.stage_logits.sum() + output.domain_logits.sum()).backward()
    for name, value in net.named_buffers():
        assert torch.isfinite(value).all(), name


def test_other_rows_and_modalities_do_not_matter():
    net = SleepMGNet(VECTORS).eval()
    inputs = batch_of(VECTORS)
    whole = net(inputs).features
    inputs["eog"][1:] += 5
    changed = net(inputs).features
    torch.testing.assert_close(changed[0], whole[0], rtol=0, atol=0)
    eeg = net.slices["eeg"]
    torch.testing.assert_close(changed[:, eeg], whole[:, eeg], rtol=0, atol=0)


def test_one_descent_of_both_losses():
    """The extractor follows L_y - lambda L_d, each head descends its own loss."""
    torch.manual_seed(0)
    net = SleepMGNet(VECTORS, n_domains=3, adversarial=0.3).double().eval()
    inputs = {name: x.double() for name, x in batch_of(VECTORS, n=9).items()}
    stages, domains = torch.arange(9) % 5, torch.arange(9) % 3
    cross_entropy = nn.functional.cross_entropy
    output = net(inputs)
    loss = cross_entropy(output.stage_logits, stages) + cross_entropy(
        output.domain_logits, domains
    )
    stage_loss = cross_entropy(net.stage_head(net(inputs).features), stages)
    domain_loss = cross_entropy(net.domain_head(net(inputs).features), domains)
    extractors, head = net.extractors.parameters, net.domain_head.parameters
    torch.testing.assert_close(
        gradients(loss, [*extractors(), *head()]),
        gradients(stage_loss - 0.3 * domain_loss, extractors())
        + gradients(domain_loss, head()),
    )


def test_strength_may_change_in_training():
    net = SleepMGNet(VECTORS, n_domains=2).eval()
    inputs = batch_of(VECTORS)
    first = next(net.extractors.parameters())
    (weak,) = gradients(net(inputs).domain_logits[:, 0].sum(), [first])
    net.adversarial = 1.0
    (strong,) = gradients(net(inputs).domain_logits[:, 0].sum(), [first])
    torch.testing.assert_close(strong, 10 * weak)


def test_autocast_with_absent_rows():
    net = SleepMGNet({"eeg": (1, 300), "age": (1,)}).eval()
    inputs = batch_of({"eeg": (1, 300), "age": (1,)})
    present = {"eeg": torch.tensor([True, False, True, False])}
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        assert torch.isfinite(net(inputs, present).stage_logits).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "reads one or more of eeg, eog, emg; got none"),
        ({"ecg": torch.zeros(2, 1)}, "got ecg"),
        ({"eeg": torch.zeros(2, 7)}, r"'eeg' epochs of shape \(6,\); got \(7,\)"),
    ],
)
def test_bad_inputs(inputs, message):
    with pytest.raises(ValueError, match=message):
        SleepMGNet(VECTORS)(inputs)


@pytest.mark.parametrize(
    ("modalities", "options", "message"),
    [
        ({}, {}, "at least one modality; got none"),
        ({"eeg": (1, 2, 3)}, {}, r"got \(1, 2, 3\) for 'eeg'"),
        ({"eeg": (0,)}, {}, "whole number >= 1"),
        (VECTORS, {"n_classes": 0}, "'n_classes' parameter of SleepMGNet"),
        (VECTORS, {"n_domains": -1}, "'n_domains' parameter of SleepMGNet"),
    ],
)
def test_bad_parameters(modalities, options, message):
    with pytest.raises(ValueError, match=message):
        SleepMGNet(modalities, **options)
