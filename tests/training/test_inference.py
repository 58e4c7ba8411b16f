from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sleepkit.training import ArraySource, RecordingSource
from sleepkit.training._inference import infer
from sleepkit.training._runtime import threads

WEIGHTS = np.array([0.3, -0.2, 0.1])


class Position(torch.nn.Module):
    """Logits that depend on the epoch and on its place in the sequence."""

    def forward(self, inputs, present):
        x = inputs["eeg"]
        place = torch.arange(x.shape[1], dtype=x.dtype)[None, :, None]
        return (x + place**2) * torch.tensor(WEIGHTS, dtype=x.dtype)


class InTwoSteps(Position):
    """The same, which keeps the epochs that it encodes."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def encode(self, inputs, present, heads=None):
        assert inputs["eeg"].shape[1:] == (len(present["eeg"][0]), 1) == (1, 1)
        self.seen.append(inputs["eeg"][present["eeg"]].flatten())
        return Encoded({"doubled": 2 * inputs["eeg"]})

    def decode(self, encoded, present, heads=None):
        return self({"eeg": encoded.found["doubled"] / 2}, present)


class Encoded(NamedTuple):
    found: dict[str, torch.Tensor]


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


def run(X, stride=2, batch_size=3, length=4, module=None):
    return infer(
        module or Position(),
        read_out,
        RecordingSource(X),
        n_columns=3,
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


def test_threads_change_nothing(make_features):
    X = make_features({"a": 1500, "b": 2, "c": 600}, gaps={"a": [20, 21], "c": [2]})
    found = []
    for n_threads in (1, 3):
        with threads(n_threads):
            found.append(run(X, module=InTwoSteps()))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_autocast_around_it_changes_nothing(make_features, n_threads):
    class Product(InTwoSteps):
        def encode(self, inputs, present, heads=None):
            wide = inputs["eeg"] @ torch.full((1, 1), 1 / 3)
            return super().encode({"eeg": wide}, present, heads)

    X = make_features({"a": 1500})
    with threads(n_threads):
        expected = run(X, module=Product())
        with torch.autocast("cpu", torch.bfloat16):
            found = run(X, module=Product())
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_every_epoch_is_encoded_once(make_features, stride):
    X = make_features({"a": 600, "b": 2, "c": 6}, gaps={"a": [20, 21], "c": [2]})
    module = InTwoSteps()
    with threads(1):  # one after the other
        result = run(X, stride, module=module)
    np.testing.assert_allclose(result, run(X, stride), rtol=1e-6)
    seen = torch.cat(module.seen).numpy()
    values = X.epochs("eeg").ravel()
    np.testing.assert_array_equal(seen, values[~np.isnan(values)])
    assert max(map(len, module.seen)) <= 3 * 4


def test_rows_of_which_each_epoch_is_encoded_once(make_features):
    X = make_features({"a": 9, "b": 700, "c": 5})
    whole, module = run(X, module=InTwoSteps()), InTwoSteps()
    rows = np.array([2, 2, 0])
    np.testing.assert_array_equal(run(X[rows], module=module), whole[rows])
    assert sum(map(len, module.seen)) < 714  # other nights stay closed


def test_only_heads_that_are_read_are_requested(make_features):
    class Asked(InTwoSteps):
        def encode(self, inputs, present, heads=None):
            requested.append(heads)
            return super().encode(inputs, present, heads)

        def decode(self, encoded, present, heads=None):
            requested.append(heads)
            return super().decode(encoded, present, heads)

    class Reader:
        def heads(self, present):
            return [f"{len(present)} {bool(present['eeg'].all())}"]

        def __call__(self, output, present):
            return read_out(output, present)

    requested = []
    epochs = RecordingSource(make_features({"a": 5}))
    sizes = {"n_columns": 3, "batch_size": 1, "length": 4}
    infer(Asked(), Reader(), epochs, **sizes)
    # all are encoded for the same, and what is kept ends with padding
    assert requested == [["1 False"], ["1 False"], ["1 True"]]
    infer(Asked(), read_out, epochs, **sizes)
    assert requested[3:] == [None] * 3


def test_the_second_step_stays_in_float32(make_features):
    class Linear(torch.nn.Linear):
        def encode(self, inputs, present, heads=None):
            dtypes.append((inputs["eeg"].dtype, self.weight.dtype))
            return Encoded({"same": inputs["eeg"]})

        def decode(self, encoded, present, heads=None):
            dtypes.append((encoded.found["same"].dtype, self.weight.dtype))
            return self(encoded.found["same"])

    dtypes = []
    module, epochs = Linear(1, 3), RecordingSource(make_features({"a": 5}))
    sizes = {"n_columns": 3, "batch_size": 5, "length": 1}
    infer(module, read_out, epochs, **sizes, precision="bfloat16")
    assert dtypes == [(torch.bfloat16,) * 2, (torch.float32,) * 2]
    assert module.weight.dtype == torch.float32


def test_epochs_alone():
    class Scale(torch.nn.Module):
        def forward(self, inputs, present):
            assert inputs["eeg"].shape == (4, 1)
            return inputs["eeg"] * torch.tensor(WEIGHTS, dtype=torch.float32)

    epochs = ArraySource({"eeg": np.array([[1.0], [np.nan], [3.0], [4.0], [5.0], [6]])})
    result = infer(Scale(), read_out, epochs, n_columns=3, batch_size=4, n_threads=1)
    assert np.isnan(result[1]).all()
    np.testing.assert_allclose(result[4], log_softmax(5 * WEIGHTS), atol=1e-6)


def test_the_module_is_left_in_evaluation_mode_without_gradients(make_features):
    class Watch(Position):
        def forward(self, inputs, present):
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().forward(inputs, present)

    X = make_features({"a": 3})
    infer(Watch(), read_out, RecordingSource(X), n_columns=3, batch_size=1, length=2)


def test_bfloat16_is_near():
    class Linear(torch.nn.Linear):
        def forward(self, inputs, present):
            output = super().forward(inputs["eeg"])
            dtypes.append(output.dtype)
            return output

    dtypes = []
    epochs = ArraySource({"eeg": np.linspace(-1, 1, 40).reshape(10, 4)})
    module, sizes = Linear(4, 3), {"n_columns": 3, "batch_size": 5}
    exact = infer(module, read_out, epochs, **sizes)
    near = infer(module, read_out, epochs, **sizes, precision="bfloat16")
    assert set(dtypes) == {torch.float32, torch.bfloat16}
    assert module.weight.dtype == torch.float32
    np.testing.assert_allclose(near, exact, atol=0.05)


def test_a_modality_that_some_nights_lack_is_there_to_be_read(make_features):
    """Unless the read-out says beforehand what it reads."""
    given = []

    class Net(InTwoSteps):
        def encode(self, inputs, present, heads=None):
            given.append(set(present))
            return super().encode(inputs, present, heads)

    run(make_features({"a": 600, "b": 5}, eog=["a"]), module=Net(), length=21)
    assert all(names == {"eeg", "eog"} for names in given)
