"""What every way to fuse promises: any subset of modalities, whatever is missing."""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations

import pytest
import torch
from torch import nn

from sleepkit.nn import EarlyFusionNet, MedFuseLoss, MedFuseNet, MidLateFusionNet
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._random_subset import random_subset

BATCH, SEQ = 2, 5
THREE = ("eeg", "eog", "emg")


@pytest.fixture(params=[MedFuseNet, EarlyFusionNet, MidLateFusionNet])
def make(request, make_fusion):
    """A factory of small nets of one kind."""
    return partial(make_fusion, request.param)


def masks(**rows):
    """One row of 0 and 1 for each sequence of the batch."""
    return {name: torch.tensor(there).bool() for name, there in rows.items()}


def everything(output):
    return [*output.logits.values(), *output.embeddings.values()]


def assert_close(outputs, others):
    for a, b in zip(everything(outputs), everything(others), strict=True):
        torch.testing.assert_close(a, b)


ATTENTION = 3 * (128 * 128 + 128) + 128 * 128 + 8 * 13 * 16
FEEDFORWARD = 128 * 1024 + 1024 + 1024 * 128 + 128
LAYER = ATTENTION + FEEDFORWARD + 2 * (128 + 128)
HEAD = 128 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 5 + 5


@pytest.mark.parametrize(
    ("kind", "n_encoders", "n_vectors"),
    [(MidLateFusionNet, 4, 2), (EarlyFusionNet, 2, 4)],
)
def test_paper_size(kind, n_encoders, n_vectors):
    """No cross-modal attention; encoders of each modality, or one pair for all."""
    with torch.device("meta"):
        net = kind({"eeg": (1, 29, 128), "eog": (1, 29, 128)})
    total = n_encoders * 4 * LAYER + n_vectors * 128 + 3 * HEAD
    assert sum(p.numel() for p in net.parameters()) == total


def test_shapes(make, make_inputs):
    net = make(THREE, n_classes=4)
    output = net(make_inputs(net))
    assert list(output.logits) == [*THREE, "fused"]
    assert {tuple(x.shape) for x in output.logits.values()} == {(BATCH, SEQ, 4)}
    assert list(output.embeddings) == list(THREE)
    assert {tuple(x.shape) for x in output.embeddings.values()} == {(BATCH, SEQ, 8)}


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize("given", [("eeg", "eog"), ("eog", "emg"), THREE])
def test_modalities_do_not_depend_on_each_other(make, make_inputs, name, given):
    net = make(THREE)
    inputs = make_inputs(net)
    given = {m: inputs[m] for m in {name, *given}}
    alone, together = net({name: inputs[name]}), net(given)
    assert torch.equal(alone.logits[name], together.logits[name])
    assert torch.equal(alone.embeddings[name], together.embeddings[name])


def test_absence_of_one_does_not_change_the_other(make, make_inputs):
    net = make()
    inputs = make_inputs(net)
    present = masks(eog=[[1, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    partly, full = net(inputs, present), net(inputs)
    assert torch.equal(partly.logits["eeg"], full.logits["eeg"])
    assert not torch.allclose(partly.logits["fused"], full.logits["fused"])


@pytest.mark.parametrize("absent", THREE)
def test_subset_is_as_if_the_others_were_absent(make, make_inputs, absent):
    net = make(THREE)
    inputs = make_inputs(net)
    pair = net({m: x for m, x in inputs.items() if m != absent})
    masked = net(inputs, masks(**{absent: [[0] * SEQ] * BATCH}))
    for name, logits in pair.logits.items():
        torch.testing.assert_close(masked.logits[name], logits)
    assert not torch.allclose(net(inputs).logits["fused"], pair.logits["fused"])


def test_the_fused_head_of_one_modality_gets_the_unimodal_pass(make, make_inputs):
    """The heads start as copies, so that equal streams give equal logits."""
    net = make()
    inputs = make_inputs(net)
    masked = net(inputs, masks(eog=[[0] * SEQ] * BATCH)).logits
    torch.testing.assert_close(masked["fused"], masked["eeg"])
    alone = net({"eeg": inputs["eeg"]}).logits
    assert list(alone) == ["eeg", "fused"]
    assert torch.equal(alone["fused"], alone["eeg"])


def test_padded_sequences_are_as_short_ones(make, make_inputs):
    """Of one modality alone; early fusion counts distances in the joint pass."""
    net = make()
    inputs = make_inputs(net)
    there = torch.arange(SEQ).expand(BATCH, -1) < 3
    padded = net(inputs, dict.fromkeys(inputs, there))
    short = net({m: x[:, :3] for m, x in inputs.items()})
    for part, expected in zip(padded[:2], short[:2], strict=True):
        for name in expected.keys() - {"fused"}:
            torch.testing.assert_close(part[name][:, :3], expected[name])
    if not isinstance(net, EarlyFusionNet):
        fused = padded.logits["fused"][:, :3]
        torch.testing.assert_close(fused, short.logits["fused"])


def test_rows_of_a_batch_do_not_mix(make, make_inputs):
    net = make()
    inputs = make_inputs(net)
    present = masks(
        eeg=[[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]], eog=[[1, 0, 0, 1, 1], [1, 1, 0, 1, 0]]
    )
    both = net(inputs, present)
    for row in range(BATCH):
        rows = slice(row, row + 1)
        single = net(
            {m: x[rows] for m, x in inputs.items()},
            {m: there[rows] for m, there in present.items()},
        )
        for a, b in zip(everything(both), everything(single), strict=True):
            torch.testing.assert_close(a[rows], b)


def test_absent_epochs_may_hold_anything(make, make_inputs):
    """NaN where nothing is present reaches neither the output nor the gradients."""
    net = make().train()
    inputs = make_inputs(net)
    present = masks(
        eeg=[[1, 1, 0, 1, 0], [0, 0, 0, 0, 0]], eog=[[1, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    )
    with torch.random.fork_rng():
        expected = net(inputs, present)
    spoilt = {
        m: x.masked_fill(~present[m][:, :, None, None, None], torch.nan)
        for m, x in inputs.items()
    }
    output = net(spoilt, present)
    for a, b in zip(everything(output), everything(expected), strict=True):
        assert a.isfinite().all()
        assert torch.equal(a, b)
    sum(x.square().sum() for x in everything(output)).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_context_reaches_other_epochs(make, make_inputs):
    net = make()
    inputs = make_inputs(net)
    before = net(inputs).logits["eeg"]
    inputs["eeg"][:, -1] += 1
    assert (net(inputs).logits["eeg"] - before)[:, 0].abs().max() > 1e-4


def test_frames_have_an_order(make, make_inputs):
    net = make()
    inputs = make_inputs(net)
    before = net(inputs).embeddings["eeg"]
    flipped = {m: x.flip(3) for m, x in inputs.items()}
    assert (net(flipped).embeddings["eeg"] - before).abs().max() > 1e-3


def test_channels_and_features(make, make_inputs):
    """Any number of channels, spectra of another length, features beside them."""
    net = make({"eeg": (3, 4, 8), "eog": (2, 3, 4), "resp": (6,)})
    inputs = make_inputs(net)
    output = net(inputs)
    assert list(output.logits) == ["eeg", "eog", "resp", "fused"]
    inputs["eeg"][:, :, 2] += 1  # the last channel counts
    assert not torch.allclose(net(inputs).logits["eeg"], output.logits["eeg"])


def test_a_single_modality_has_nothing_to_fuse(make, make_inputs):
    net = make(["eeg"])
    assert list(net.heads) == ["eeg"]
    assert list(net(make_inputs(net)).logits) == ["eeg"]


@pytest.mark.parametrize("head", ["eeg", "eog", "fused"])
def test_heads_have_two_hidden_layers(make, head):
    hidden = [Linear, nn.ReLU, Dropout]
    kinds = [type(module) for module in make().heads[head]]
    assert kinds == [*hidden, *hidden, Linear]


def test_heads_start_alike_and_are_apart(make):
    net = make()
    eeg, fused = net.heads["eeg"], net.heads["fused"]
    for a, b in zip(eeg.parameters(), fused.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a is not b


def test_order_of_inputs_does_not_matter(make, make_inputs):
    net = make()
    inputs = make_inputs(net)
    swapped = net(dict(reversed(inputs.items())))
    assert list(swapped.logits) == ["eeg", "eog", "fused"]
    assert torch.equal(swapped.logits["fused"], net(inputs).logits["fused"])


def test_seed_decides_the_start(make):
    states = []
    for seed in (1, 1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            states.append(torch.cat([p.flatten() for p in make().parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_half_precision(make, make_inputs):
    net = make()
    present = masks(eog=[[1, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    with torch.autocast("cpu", torch.bfloat16):
        output = net(make_inputs(net), present)
    assert all(x.isfinite().all() for x in everything(output))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "Net needs one or more of eeg, eog; got none"),
        (["eeg", "ecg"], "Net needs one or more of eeg, eog; got eeg, ecg"),
    ],
)
def test_unknown_modality(make, names, message):
    inputs = {name: torch.zeros(BATCH, SEQ, 1, 3, 8) for name in names}
    with pytest.raises(ValueError, match=message):
        make()(inputs)


@pytest.mark.parametrize("shape", [(BATCH, SEQ, 1, 3, 9), (BATCH, 4, 1, 3, 8)])
def test_other_shape(make, make_inputs, shape):
    net = make()
    inputs = make_inputs(net) | {"eog": torch.zeros(shape)}
    with pytest.raises(ValueError, match=r"needs 'eog' .*\(2, 5, 1, 3, 8\); got"):
        net(inputs)


@pytest.mark.parametrize("name", ["", "eeg.left", "eeg+eog", "fused", "subset"])
def test_bad_names(make, name):
    with pytest.raises(ValueError, match=r"name of a modality of .*Net must not be"):
        make([name])


@pytest.mark.parametrize("shape", [(), (3, 8), (1, 0, 8)])
def test_bad_shapes(make, shape):
    with pytest.raises(ValueError, match=r"needs epochs of shape \(n_channels"):
        make({"eeg": shape})


# --------------------------------------------------------------- subset head


def input_of(net, head, inputs):
    """What a head was given for some inputs."""
    given = []
    hook = net.heads[head].register_forward_pre_hook(lambda _, x: given.append(x[0]))
    net(inputs)
    hook.remove()
    return given[0]


def by_hand(net, inputs, names):
    """Logits of the subset head from unimodal results and the fused head's input."""
    blocks, flags = [], []
    for name in net.streams:
        result = input_of(net, name, {name: inputs[name]})
        there = torch.ones(BATCH, SEQ) if name in names else torch.zeros(BATCH, SEQ)
        blocks.append(result if name in names else torch.zeros_like(result))
        flags.append(there)
    fused = input_of(net, "fused", {name: inputs[name] for name in names})
    return net.heads["subset"](torch.cat([*blocks, torch.stack(flags, -1), fused], -1))


@pytest.mark.parametrize("names", [("eeg",), ("eog", "eeg"), THREE])
def test_the_subset_head_takes_what_modalities_give(make, make_inputs, names):
    net = make(THREE, min_subset=2).eval()
    inputs = make_inputs(net)
    some = {name: inputs[name] for name in names}
    found = net(some).logits["subset"]
    torch.testing.assert_close(found, by_hand(net, inputs, names))
    absent = torch.zeros(BATCH, SEQ, dtype=torch.bool)
    present = {name: absent for name in THREE if name not in names}
    torch.testing.assert_close(net(inputs, present).logits["subset"], found)
    there = dict.fromkeys(names, ~absent)
    decoded = net.decode(net.encode(some, heads={"subset"}), there, {"subset"})
    assert set(decoded.logits) == {"subset"}
    torch.testing.assert_close(decoded.logits["subset"], found)


def test_training_is_the_same_with_a_subset_head(make, make_inputs):
    """Bit for bit, dropout included, but for the head itself."""
    outputs = []
    for least in (None, 2):
        torch.manual_seed(0)
        net = make(THREE, dropout=0.3, min_subset=least).train()
        optimizer = torch.optim.Adam(net.parameters(), 0.01, weight_decay=1e-3)
        loss = MedFuseLoss()
        inputs = make_inputs(net)
        there = dict.fromkeys(THREE, torch.ones(BATCH, SEQ, dtype=torch.bool))
        targets = {"stages": torch.arange(BATCH * SEQ).reshape(BATCH, SEQ) % 5}
        for _ in range(3):
            optimizer.zero_grad()
            loss(net(inputs), targets | {"present": there}).backward()
            optimizer.step()
        with torch.no_grad():
            output = net.eval()(inputs)
        outputs.append(output)
        validation = loss.eval()(output, targets | {"present": there})
        outputs.append(validation)
    plain, plain_loss, other, other_loss = outputs
    assert set(other.logits) == {*plain.logits, "subset"}
    for head, logits in plain.logits.items():
        assert torch.equal(logits, other.logits[head])
    assert torch.equal(plain_loss, other_loss)  # of the best weights


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("two_steps", [True, False])
def test_the_gradient_of_the_subset_head_ends_there(
    make, make_inputs, training, two_steps
):
    net = make(THREE, min_subset=1).train(training)
    inputs = make_inputs(net)
    there = dict.fromkeys(THREE, torch.ones(BATCH, SEQ, dtype=torch.bool))
    output = net.decode(net.encode(inputs), there) if two_steps else net(inputs)
    output.logits["subset"].sum().backward()
    trained = {name for name, p in net.named_parameters() if p.grad is not None}
    assert trained
    assert all(name.startswith("heads.subset") for name in trained)


def test_training_is_on_random_parts(make, make_inputs):
    """The subset head gets in training what it gets where the others are absent."""
    net = make(THREE, min_subset=1, dropout=0.0).eval()
    inputs = make_inputs(net)
    parts = [some for n in (1, 2) for some in combinations(THREE, n)]
    expected = [net({n: inputs[n] for n in some}).logits["subset"] for some in parts]
    net.train()
    torch.manual_seed(0)
    drawn = []
    for _ in range(40):
        found = net(inputs).logits["subset"]
        torch.rand(1)  # the net leaves the generator as it was
        of_rows = []
        for row in range(BATCH):
            alike = [torch.allclose(found[row], x[row], atol=1e-5) for x in expected]
            assert sum(alike) == 1
            of_rows.append(alike.index(True))
        drawn.append(of_rows)
    for row in zip(*drawn, strict=True):
        assert set(row) == set(range(len(parts)))
    assert any(a != b for a, b in drawn)  # each sequence has a part of its own


def test_epochs_that_lack_modalities_are_in_the_training(make, make_inputs):
    """A part of a sequence is of what each of its epochs has."""
    net = make(THREE, min_subset=1, dropout=0.0).train()
    inputs = make_inputs(net)
    eeg = torch.ones(BATCH, SEQ, dtype=torch.bool)
    eeg[:, 2:] = False
    present = {"eeg": eeg, "eog": torch.zeros_like(eeg), "emg": torch.zeros_like(eeg)}
    found = net(inputs, present).logits["subset"]
    expected = net.eval()(inputs, present).logits["subset"]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("least", [1, 2])
def test_every_part_is_drawn_alike(least):
    torch.manual_seed(0)
    present = torch.ones(4000, 1, 4, dtype=torch.bool)
    drawn = random_subset(present, least).flatten(0, 1).long()
    parts, counts = drawn.unique(dim=0, return_counts=True)
    sizes = parts.sum(1)
    assert set(sizes.tolist()) == set(range(least, 4))  # never all
    for size in set(sizes.tolist()):
        share = counts[sizes == size] / 4000
        assert len(share) == math.comb(4, size)
        expected = 1 / (4 - least) / math.comb(4, size)
        assert share.sub(expected).abs().max() < 0.03


def test_a_part_is_of_what_an_epoch_has():
    torch.manual_seed(0)
    present = torch.rand(200, 8, 4) < 0.6
    part = random_subset(present, 2)
    assert not (part & ~present).any()
    few = present.sum(-1) <= 2
    assert torch.equal(part[few], present[few])
    more = part[~few].sum(-1)
    assert more.min() == 2
    assert (more < present[~few].sum(-1)).all()


def test_alike_epochs_of_a_sequence_have_one_part():
    torch.manual_seed(0)
    kinds = torch.rand(200, 2, 4) < 0.8
    present = kinds[:, [0, 1, 0, 1]]
    part = random_subset(present, 1)
    assert torch.equal(part[:, :2], part[:, 2:])


@pytest.mark.parametrize(("names", "least"), [(("eeg", "eog"), 2), (THREE, None)])
def test_no_subset_head(make, names, least):
    assert "subset" not in make(names, min_subset=least).heads


def test_bad_subsets(make):
    with pytest.raises(ValueError, match="'min_subset' parameter"):
        make(THREE, min_subset=0)
