"""The losses of the classifiers where they are more than a sum of two terms."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.nn import MedFuseLoss, MedFuseOutput, alignment_loss, multi_view_loss

STAGES = torch.tensor([[0, 1, 2, 2, 0, 1]])
PRESENT = {
    "eeg": torch.tensor([[1, 1, 1, 1, 0, 0]]).bool(),
    "eog": torch.tensor([[0, 1, 1, 1, 1, 1]]).bool(),
    "emg": torch.tensor([[1, 0, 1, 1, 1, 0]]).bool(),
}


def make_loss(multi_view=0.5, alignment=0.3):
    return MedFuseLoss(
        None,
        multi_view=multi_view,
        alignment=alignment,
        temperature=0.2,
        negatives="sequence",
    )


@pytest.fixture
def output():
    generator = torch.Generator().manual_seed(0)
    logits = {
        view: torch.randn(1, 6, 3, generator=generator) for view in (*PRESENT, "fused")
    }
    embeddings = {name: torch.randn(1, 6, 4, generator=generator) for name in PRESENT}
    return MedFuseOutput(logits, embeddings)


def test_each_pair_is_aligned_where_both_are_present(output):
    loss = make_loss()(output, {"stages": STAGES, "present": PRESENT})
    weights = dict.fromkeys(PRESENT, 0.5)
    expected = multi_view_loss(output.logits, STAGES, PRESENT, weights=weights)
    together = {
        ("eeg", "eog"): [1, 2, 3],
        ("eeg", "emg"): [0, 2, 3],
        ("eog", "emg"): [2, 3, 4],
    }
    for pair, epochs in together.items():
        a, b = (output.embeddings[name][:, epochs] for name in pair)
        expected = expected + 0.3 * alignment_loss(a, b, temperature=0.2)
    torch.testing.assert_close(loss, expected)


def test_a_modality_alone_counts_in_full(output):
    logits, embeddings = ({"eeg": part["eeg"]} for part in output[:2])
    present = {"eeg": PRESENT["eeg"]}
    loss = make_loss()(
        MedFuseOutput(logits, embeddings), {"stages": STAGES, "present": present}
    )
    there = slice(4)
    expected = cross_entropy(output.logits["eeg"][0, there], STAGES[0, there])
    torch.testing.assert_close(loss, expected)


def test_two_of_three_are_read_from_the_fused_view(output):
    only = {4: "eog", 5: "eog"}
    present = PRESENT | {"emg": torch.tensor([[1, 0, 1, 1, 0, 0]]).bool()}
    read = HeadSelector()(output, present)[0]
    for epoch in range(6):
        logits = output.logits[only.get(epoch, "fused")][0, epoch]
        torch.testing.assert_close(read[epoch], logits.log_softmax(-1))
