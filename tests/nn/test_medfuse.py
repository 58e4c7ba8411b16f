"""The whole net: two passes, any subset of modalities, whatever is missing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sleepkit.nn import MedFuseNet

BATCH, SEQ = 2, 5
SPECTRUM = (1, 3, 8)
SHAPES = {"eeg": SPECTRUM, "eog": SPECTRUM, "emg": SPECTRUM}
PAIR = {"eeg": SPECTRUM, "eog": SPECTRUM}


def make_net(shapes=PAIR, **parameters):
    small = {"d_model": 8, "n_heads": 2, "n_layers": 2}
    small |= {"dim_feedforward": 12, "d_head": 10, "max_relative_distance": 2}
    return MedFuseNet(shapes, **small | parameters).eval()


def make_inputs(shapes=PAIR, seq=SEQ, dtype=torch.float32):
    return {
        name: torch.randn(BATCH, seq, *shape, dtype=dtype)
        for name, shape in shapes.items()
    }


def masks(**rows):
    """One row of 0 and 1 for each sequence of the batch."""
    return {name: torch.tensor(there).bool() for name, there in rows.items()}


def everything(output):
    return [*output.logits.values(), *output.embeddings.values()]


@pytest.fixture(scope="module")
def paper():
    """The net of the paper, without values."""
    with torch.device("meta"):
        return MedFuseNet({"eeg": (1, 29, 128), "eog": (1, 29, 128)})


def test_paper_size(paper):
    """10.0 million parameters for EEG and EOG, counted by hand."""
    attention = 3 * (128 * 128 + 128) + 128 * 128 + 8 * 13 * 16
    feedforward = 128 * 1024 + 1024 + 1024 * 128 + 128
    layer = 2 * attention + feedforward + 3 * (128 + 128)
    head = 128 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 5 + 5
    total = 2 * (2 * 4 * layer + 128) + 3 * head
    assert total == pytest.approx(10.0e6, rel=0.02)
    assert sum(p.numel() for p in paper.parameters()) == total


def test_heads_and_distances_of_the_paper(paper):
    """Eight heads of 16, and 13 distances."""
    tables = [p for name, p in paper.named_parameters() if name.endswith("positions")]
    assert {tuple(p.shape) for p in tables} == {(8, 13, 16)}
    assert len(tables) == 2 * 2 * 4 * 2  # modalities, encoders, layers, attentions


def test_dropout_of_the_paper(paper):
    """In every layer (updates, hidden units) and in the two hidden layers of heads."""
    dropouts = [module for module in paper.modules() if isinstance(module, nn.Dropout)]
    assert {module.p for module in dropouts} == {0.3}
    assert len(dropouts) == 2 * 2 * 4 * 2 + 3 * 2


def test_shapes():
    output = make_net(SHAPES, n_classes=4)(make_inputs(SHAPES))
    assert list(output.logits) == ["eeg", "eog", "emg", "fused"]
    assert {tuple(x.shape) for x in output.logits.values()} == {(BATCH, SEQ, 4)}
    assert list(output.embeddings) == ["eeg", "eog", "emg"]
    assert {tuple(x.shape) for x in output.embeddings.values()} == {(BATCH, SEQ, 8)}


def layer_by_hand(layer, x, asking=None):
    """A post-norm layer on one sequence of tokens."""
    x = x[None]
    x = layer.attention_norm(x + layer.attention(x, x, None))
    if asking is not None:
        (cross,) = layer.cross.values()
        x = layer.cross_norm(x + cross(asking[None], x, None))
    return layer.feedforward_norm(x + layer.feedforward(x))[0]


def encode_by_hand(encoder, x, asking=None):
    for layer in encoder.layers:
        x = layer_by_hand(layer, x, asking)
    return x


def passes_by_hand(net, inputs, row):
    """Both passes over one sequence, epoch after epoch."""
    unimodal, multimodal, frames = {}, {}, {}
    for name, stream in net.streams.items():
        tokens = [torch.cat([stream.cls[None], x[0]]) for x in inputs[name][row]]
        frames[name] = [encode_by_hand(stream.inner, x) for x in tokens]
        epochs = torch.stack([x[0] for x in frames[name]])
        unimodal[name] = encode_by_hand(stream.outer, epochs)
    for name, other in (("eeg", "eog"), ("eog", "eeg")):
        stream = net.streams[name]
        tokens = [torch.cat([stream.cls[None], x[0]]) for x in inputs[name][row]]
        asked = zip(tokens, frames[other], strict=True)
        epochs = [encode_by_hand(stream.inner, x, asking)[0] for x, asking in asked]
        multimodal[name] = encode_by_hand(
            stream.outer, torch.stack(epochs), unimodal[other]
        )
    return frames, unimodal, multimodal


def test_both_passes_by_hand():
    """In every layer the queries are the other's last unimodal tokens."""
    net, inputs = make_net(), make_inputs()
    output = net(inputs)
    for row in range(BATCH):
        frames, unimodal, multimodal = passes_by_hand(net, inputs, row)
        for name in PAIR:
            cls = torch.stack([x[0] for x in frames[name]])
            torch.testing.assert_close(output.embeddings[name][row], cls)
            expected = net.heads[name](unimodal[name])
            torch.testing.assert_close(output.logits[name][row], expected)
        fused = net.heads["fused"](multimodal["eeg"] + multimodal["eog"])
        torch.testing.assert_close(output.logits["fused"][row], fused)


def names_with_gradient(net):
    return {n for n, p in net.named_parameters() if p.grad is not None and p.grad.any()}


def test_passes_share_their_weights():
    """Only cross-modal attention and its norm belong to the multimodal pass alone."""
    net, inputs = make_net(), make_inputs()
    names = {name for name, _ in net.named_parameters()}
    output = net(inputs)
    output.logits["eeg"].square().sum().backward(retain_graph=True)
    own = {n for n in names if n.startswith("streams.eeg") and ".cross" not in n}
    own |= {n for n in names if n.startswith("heads.eeg")}
    # a bias of keys shifts all scores of a query alike, so that it has no gradient
    ignored = {n for n in names if n.endswith("key.bias")}
    assert names_with_gradient(net) - ignored == own - ignored
    net.zero_grad()
    output.logits["fused"].square().sum().backward()
    others = {n for n in names if n.startswith(("heads.eeg", "heads.eog"))}
    assert names_with_gradient(net) - ignored == names - others - ignored


def test_gradients_reach_the_unimodal_pass():
    """Numerical derivatives of the fused logits: nothing is detached."""
    net = make_net(PAIR, n_layers=1).double()
    inputs = {m: x[:1, :2] for m, x in make_inputs(dtype=torch.float64).items()}

    def fused(eeg, eog):
        return net({"eeg": eeg, "eog": eog}).logits["fused"]

    arguments = tuple(x.requires_grad_() for x in inputs.values())
    assert torch.autograd.gradcheck(fused, arguments)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("given", [("eeg", "eog"), ("eog", "emg"), tuple(SHAPES)])
def test_modalities_do_not_depend_on_each_other(name, given):
    net, inputs = make_net(SHAPES), make_inputs(SHAPES)
    given = {m: inputs[m] for m in {name, *given}}
    alone, together = net({name: inputs[name]}), net(given)
    assert torch.equal(alone.logits[name], together.logits[name])
    assert torch.equal(alone.embeddings[name], together.embeddings[name])
    assert "fused" not in alone.logits


def test_absence_of_one_does_not_change_the_other():
    net, inputs = make_net(), make_inputs()
    present = masks(eog=[[1, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    partly = net(inputs, present)
    assert torch.equal(partly.logits["eeg"], net(inputs).logits["eeg"])
    assert not torch.equal(partly.logits["fused"], net(inputs).logits["fused"])


def test_subset_is_as_if_the_others_were_absent():
    net, inputs = make_net(SHAPES), make_inputs(SHAPES)
    pair = net({m: inputs[m] for m in PAIR})
    absent = net(inputs, masks(emg=[[0] * SEQ] * BATCH))
    assert torch.equal(absent.logits["fused"], pair.logits["fused"])
    assert not torch.allclose(net(inputs).logits["fused"], pair.logits["fused"])


def test_alone_the_multimodal_pass_is_the_unimodal_one():
    """The heads are copies, so that equal streams give equal logits."""
    net, inputs = make_net(), make_inputs()
    logits = net(inputs, masks(eog=[[0] * SEQ] * BATCH)).logits
    assert torch.equal(logits["fused"], logits["eeg"])


def test_padded_sequences_are_as_short_ones():
    net, inputs = make_net(), make_inputs()
    there = torch.arange(SEQ).expand(BATCH, -1) < 3
    padded = net(inputs, dict.fromkeys(PAIR, there))
    short = net({m: x[:, :3] for m, x in inputs.items()})
    for a, b in zip(everything(padded), everything(short), strict=True):
        torch.testing.assert_close(a[:, :3], b)


def test_rows_of_a_batch_do_not_mix():
    net, inputs = make_net(), make_inputs()
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


def test_absent_epochs_may_hold_anything():
    """NaN where nothing is present reaches neither the output nor the gradients."""
    net, inputs = make_net().train(), make_inputs()
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


def test_context_reaches_other_epochs():
    net, inputs = make_net(), make_inputs()
    before = net(inputs).logits["eeg"]
    inputs["eeg"][:, -1] += 1
    assert (net(inputs).logits["eeg"] - before)[:, 0].abs().max() > 1e-4


def test_frames_have_an_order():
    net, inputs = make_net(), make_inputs()
    before = net(inputs).embeddings["eeg"]
    flipped = {m: x.flip(3) for m, x in inputs.items()}
    assert (net(flipped).embeddings["eeg"] - before).abs().max() > 1e-3


def test_features_beside_spectra():
    """One frame and CLS ask of four tokens, and four of two."""
    shapes = {"eeg": SPECTRUM, "eog": (4,)}
    net, inputs = make_net(shapes), make_inputs(shapes)
    output = net(inputs)
    assert set(output.logits) == {"eeg", "eog", "fused"}
    inputs["eog"] = inputs["eog"] + 1
    assert torch.equal(net(inputs).logits["eeg"], output.logits["eeg"])
    assert not torch.equal(net(inputs).logits["fused"], output.logits["fused"])


@pytest.mark.parametrize("view", ["eeg", "eog", "fused"])
def test_heads_have_two_hidden_layers(view):
    hidden = [nn.Linear, nn.ReLU, nn.Dropout]
    kinds = [type(module) for module in make_net().heads[view]]
    assert kinds == [*hidden, *hidden, nn.Linear]


def test_heads_start_alike_and_are_apart():
    net = make_net()
    eeg, fused = net.heads["eeg"], net.heads["fused"]
    for a, b in zip(eeg.parameters(), fused.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a is not b


def test_a_single_modality_has_nothing_to_fuse():
    net = make_net({"eeg": SPECTRUM})
    assert list(net.heads) == ["eeg"]
    assert not [name for name, _ in net.named_parameters() if "cross" in name]


def test_order_of_inputs_does_not_matter():
    net, inputs = make_net(), make_inputs()
    swapped = net(dict(reversed(inputs.items())))
    assert list(swapped.logits) == ["eeg", "eog", "fused"]
    assert torch.equal(swapped.logits["fused"], net(inputs).logits["fused"])


def test_seed_decides_the_start():
    states = []
    for seed in (1, 1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            states.append(torch.cat([p.flatten() for p in make_net().parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_half_precision():
    net, inputs = make_net(), make_inputs()
    present = masks(eog=[[1, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    with torch.autocast("cpu", torch.bfloat16):
        output = net(inputs, present)
    assert all(x.isfinite().all() for x in everything(output))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "needs one or more of eeg, eog; got none"),
        (["eeg", "ecg"], "needs one or more of eeg, eog; got eeg, ecg"),
    ],
)
def test_unknown_modality(names, message):
    inputs = {name: torch.zeros(BATCH, SEQ, *SPECTRUM) for name in names}
    with pytest.raises(ValueError, match=message):
        make_net()(inputs)


@pytest.mark.parametrize("shape", [(BATCH, SEQ, 1, 3, 9), (BATCH, 4, *SPECTRUM)])
def test_other_shape(shape):
    inputs = make_inputs() | {"eog": torch.zeros(shape)}
    with pytest.raises(ValueError, match=r"needs 'eog' .*\(2, 5, 1, 3, 8\); got"):
        make_net()(inputs)


@pytest.mark.parametrize("name", ["", "eeg.left", "fused"])
def test_names_that_cannot_be(name):
    with pytest.raises(ValueError, match="name of a modality of MedFuseNet"):
        make_net({name: SPECTRUM})


@pytest.mark.parametrize("shape", [(), (3, 8), (1, 0, 8)])
def test_epochs_that_cannot_be(shape):
    with pytest.raises(ValueError, match=r"needs epochs of shape \(n_channels"):
        make_net({"eeg": shape})
