import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sleepkit.training import NightEpochs, RowEpochs, stage

WEIGHTS = np.array([0.3, -0.2, 0.1])


class Position(torch.nn.Module):
    """Logits that depend on the epoch and on its place in the sequence."""

    def forward(self, inputs, present):
        x = inputs["eeg"]
        place = torch.arange(x.shape[1], dtype=x.dtype)[None, :, None]
        return (x + place**2) * torch.tensor(WEIGHTS, dtype=x.dtype)


def read_out(output, _present):
    return output.log_softmax(-1)


def slow_reference(numbers, length, stride):
    """Average the log-probabilities of one run, sequence by sequence."""
    last = max(0, len(numbers) - length)
    collected = {n: [] for n in numbers}
    for first in sorted({*range(0, last, stride), last}):
        for place, number in enumerate(numbers[first : first + length]):
            collected[number].append(log_softmax((number + place**2) * WEIGHTS))
    return {n: np.mean(rows, axis=0) for n, rows in collected.items()}


def run(X, stride=2, batch_size=3, length=4):
    return stage(
        Position(),
        read_out,
        NightEpochs(X),
        n_classes=3,
        batch_size=batch_size,
        length=length,
        stride=stride,
    )


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_overlaps_are_averaged_as_by_hand(make_features, stride):
    X = make_features({"a": 9, "b": 2, "c": 6}, gaps={"c": [2]})
    expected = {}
    for numbers in ([*range(9)], [9, 10], [11, 12], [14, 15, 16]):
        expected |= slow_reference(numbers, 4, stride)
    result = run(X, stride)
    for number in range(17):
        if number == 13:
            assert np.isnan(result[number]).all()
        else:
            np.testing.assert_allclose(result[number], expected[number], atol=1e-5)


def test_rows_in_any_order_repeated_or_left_out(make_features):
    X = make_features({"a": 9, "b": 5})
    whole = run(X)
    rows = np.array([13, 2, 2, 0, 11])
    np.testing.assert_array_equal(run(X[rows]), whole[rows])


def test_batch_size_changes_nothing(make_features):
    X = make_features({"a": 9, "b": 5})
    np.testing.assert_allclose(run(X, batch_size=1), run(X, batch_size=8), atol=1e-6)


def test_epochs_alone():
    class Scale(torch.nn.Module):
        def forward(self, inputs, present):
            assert inputs["eeg"].shape == (4, 1)
            return inputs["eeg"] * torch.tensor(WEIGHTS, dtype=torch.float32)

    epochs = RowEpochs({"eeg": np.array([[1.0], [np.nan], [3.0], [4.0], [5.0], [6]])})
    result = stage(Scale(), read_out, epochs, n_classes=3, batch_size=4)
    assert np.isnan(result[1]).all()
    np.testing.assert_allclose(result[4], log_softmax(5 * WEIGHTS), atol=1e-6)


def test_the_module_is_left_in_evaluation_mode_without_gradients(make_features):
    class Watch(Position):
        def forward(self, inputs, present):
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().forward(inputs, present)

    X = make_features({"a": 3})
    stage(Watch(), read_out, NightEpochs(X), n_classes=3, batch_size=1, length=2)


def test_bfloat16_is_near():
    class Linear(torch.nn.Linear):
        def forward(self, inputs, present):
            output = super().forward(inputs["eeg"])
            dtypes.append(output.dtype)
            return output

    dtypes = []
    epochs = RowEpochs({"eeg": np.linspace(-1, 1, 40).reshape(10, 4)})
    module, sizes = Linear(4, 3), {"n_classes": 3, "batch_size": 5}
    exact = stage(module, read_out, epochs, **sizes)
    near = stage(module, read_out, epochs, **sizes, precision="bfloat16")
    assert set(dtypes) == {torch.float32, torch.bfloat16}
    np.testing.assert_allclose(near, exact, atol=0.05)
