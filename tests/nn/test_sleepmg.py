"""SleepMGNet: sizes of the paper, absent modalities, two heads in one descent."""

from __future__ import annotations

import math
import pickle

import pytest
import torch
from torch import nn

from sleepkit.nn import FeatureNet, SleepMGLoss, SleepMGNet, SleepMGOutput

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
def test_absent_rows_have_no_influence(shapes, training):
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
        ({}, "needs one or more of eeg, eog, emg; got none"),
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
        ({"eeg": (1, 2, 3)}, {}, r"\(1, 2, 3\) for 'eeg' without an encoder"),
        (VECTORS, {"fusion": "sum"}, "'fusion' parameter of SleepMGNet"),
        (VECTORS, {"epoch_duration": 0}, "'epoch_duration' parameter of SleepMGNet"),
        (VECTORS, {"encoder": {"ecg": nn.Linear}}, "an encoder for 'ecg'"),
        (VECTORS, {"encoder": nn.ReLU()}, r"An encoder is a class.*got ReLU\(\)"),
        (VECTORS, {"encoder": {"eeg": "os"}}, "got 'os' for 'eeg'"),
        (VECTORS, {"modality_specific": False}, "needs signals of one length"),
        ({"eeg": (0,)}, {}, "whole number >= 1"),
        (VECTORS, {"n_classes": 0}, "'n_classes' parameter of SleepMGNet"),
        (VECTORS, {"n_domains": -1}, "'n_domains' parameter of SleepMGNet"),
    ],
)
def test_bad_parameters(modalities, options, message):
    with pytest.raises(ValueError, match=message):
        SleepMGNet(modalities, **options)


class Mean(nn.Module):
    """A foreign encoder, without an attribute n_features."""

    def __init__(self, *shape):
        super().__init__()
        self.layer = nn.LazyLinear(3)

    def forward(self, x):
        return self.layer(x.flatten(1))


class Wrong(Mean):
    def forward(self, x):
        return x


@pytest.mark.parametrize("shape", [(2, 30), (5,), (1, 4, 6)])
def test_any_module_class_can_encode(shape):
    net = SleepMGNet({"eeg": shape, "emg": (1, 40)}, encoder=Mean)
    assert net.slices == {"eeg": slice(0, 3), "emg": slice(3, 6)}
    inputs = {"eeg": torch.randn(4, *shape)}
    block = net(inputs).features[:, :3]
    torch.testing.assert_close(block, net.extractors["eeg"](inputs["eeg"]))


def test_an_encoder_for_one_modality():
    net = SleepMGNet({"eeg": (1, 300), "hrv": (7,)}, encoder={"hrv": Mean})
    kinds = {name: type(e) for name, e in net.extractors.items()}
    assert kinds == {"eeg": FeatureNet, "hrv": Mean}


def test_encoders_are_not_called_without_rows():
    net = SleepMGNet({"eeg": (3,), "emg": (2,)}, encoder=Mean).train()
    hook = net.extractors["emg"].register_forward_hook
    hook(lambda *_: pytest.fail("called without rows"))
    inputs = {"eeg": torch.randn(2, 3), "emg": torch.full((2, 2), torch.nan)}
    for training in (True, False):
        output = net.train(training)(inputs, {"emg": torch.zeros(2).bool()})
        assert (output.features[:, net.slices["emg"]] == 0).all()


def test_a_wrong_encoder_is_refused():
    with pytest.raises(ValueError, match=r"Wrong mapped \(1, 2, 5\) to \(1, 2, 5\)"):
        SleepMGNet({"eeg": (2, 5)}, encoder=Wrong)


def test_kernels_follow_the_rate_of_each_modality():
    shapes = {"eeg": (1, 6000), "emg": (1, 3000)}
    net = SleepMGNet(shapes, epoch_duration=30)
    kernels = {name: e.large[0].kernel_size[0] for name, e in net.extractors.items()}
    assert kernels == {"eeg": 800, "emg": 400}
    assert net.stage_head.in_features == 512
    assert SleepMGNet(shapes).stage_head.in_features == 640 + 256


def test_one_extractor_reads_every_channel_alone():
    shapes = {"eeg": (2, 300), "eog": (1, 300)}
    net = SleepMGNet(shapes, modality_specific=False, dropout=0.0)
    assert sum(p.numel() for p in net.extractors.parameters()) == 184_288
    plain = FeatureNet(3, 300, dropout=0.0)
    plain.load_state_dict(net.extractors.encoder.state_dict())
    inputs = batch_of(shapes, n=6)
    for training in (True, False):
        features = net.train(training)(inputs).features
        together = plain.train(training)(torch.cat([*inputs.values()], dim=1))
        torch.testing.assert_close(features, together)


def test_one_extractor_never_reads_absent_rows():
    shapes = {"eeg": (2, 300), "eog": (1, 300)}
    net = SleepMGNet(shapes, modality_specific=False, dropout=0.0).eval()
    inputs = batch_of(shapes, n=3)
    whole = net(inputs).extracted
    inputs["eog"][1] = torch.nan
    present = {"eog": torch.tensor([True, False, True])}
    for training in (False, True):
        part = net.train(training)(inputs, present)
        assert (part.extracted["eog"][1] == 0).all()
        assert torch.isfinite(part.stage_logits).all()
        if not training:
            torch.testing.assert_close(part.extracted["eeg"], whole["eeg"])
    net.train()({"eeg": inputs["eeg"]}, {"eeg": torch.zeros(3).bool()})


# ----------------------------------------------------------------------------- the loss


def loss_of(domains, *, domain_head=True, class_weight=None):
    """Loss of stages with odds 3 to 1, 1 to 4 and unscored, and domains 1 to 1."""
    odds = torch.tensor([[3.0, 1.0], [1.0, 4.0], [9.0, 1.0]])
    domain_logits = torch.zeros(3, 2) if domain_head else None
    output = SleepMGOutput(odds.log(), domain_logits, torch.zeros(3, 4), {})
    targets = {
        "stages": torch.tensor([0, 1, -1]),
        "domains": torch.tensor(domains),
    }
    return SleepMGLoss(class_weight)(output, targets).item()


STAGES_ALONE = -(math.log(3 / 4) + math.log(4 / 5)) / 2


def test_loss_by_hand():
    assert loss_of([0, 1, -1]) == pytest.approx(STAGES_ALONE + math.log(2))


def test_loss_without_domains():
    assert loss_of([-1, -1, -1]) == pytest.approx(STAGES_ALONE)
    assert loss_of([0, 1, 1], domain_head=False) == pytest.approx(STAGES_ALONE)


def test_class_weights_of_the_loss():
    weight = torch.tensor([1.0, 3.0])
    expected = -(math.log(3 / 4) + 3 * math.log(4 / 5)) / 4
    assert loss_of([-1] * 3, class_weight=weight) == pytest.approx(expected)
