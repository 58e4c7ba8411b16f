from __future__ import annotations

import mmap
import pickle

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.recording import MappedArray, Signal


def test_a_rate_makes_a_signal_continuous():
    signal = Signal(np.zeros((2, 300)), 10, ["C3", "C4"])
    assert signal.is_continuous
    assert (signal.shape, signal.n_channels, signal.sfreq) == ((2, 300), 2, 10.0)
    assert (signal.bandwidth, signal.valid, signal.freqs) == (5.0, None, None)


@pytest.mark.parametrize(
    ("shape", "n_channels"), [((7, 2, 29, 128), 2), ((7, 12), 12), ((1, 1), 1)]
)
def test_no_rate_makes_a_signal_epoched(shape, n_channels):
    signal = Signal(np.zeros(shape))
    assert not signal.is_continuous
    assert (signal.shape, signal.n_channels, signal.sfreq) == (shape, n_channels, None)
    assert signal.bandwidth is None
    assert signal.n_epochs(30) == shape[0]


def test_nothing_is_above_half_the_rate():
    assert Signal(np.zeros(300), 10, bandwidth=8).bandwidth == 5
    assert Signal(np.zeros(300), 10, bandwidth=3).bandwidth == 3
    every_second = Signal(np.zeros(300), 10).replace(data=np.zeros(150), sfreq=5)
    assert every_second.bandwidth == 2.5
    assert Signal(np.zeros((3, 4)), bandwidth=8).bandwidth == 8


def test_one_channel_may_be_flat():
    assert Signal(np.zeros(300), 10).shape == (1, 300)


@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.bool_, ">f4"])
def test_values_are_float32(dtype):
    signal = Signal(np.array([[0, 1, 1]], dtype), 1)
    assert signal.data.dtype == np.float32
    assert signal.data.dtype.isnative
    np.testing.assert_array_equal(signal.data, [[0, 1, 1]])


def test_float32_is_not_copied_and_the_users_array_stays_writable():
    values = np.zeros((1, 5), np.float32)
    signal = Signal(values, 1)
    assert np.shares_memory(signal.data, values)
    values[0, 0] = 1


def test_nothing_can_be_written():
    signal = Signal(np.zeros((3, 2, 4, 5)), freqs=np.arange(5), valid=[True] * 3)
    for values in (signal.data, signal.freqs, signal.valid):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1


def test_masks_and_bins_are_the_signals_own():
    valid = np.ones(3, bool)
    signal = Signal(np.zeros((3, 4)), valid=valid)
    valid[:] = False
    assert signal.valid.all()


def test_a_lazy_array_is_read_at_access_to_data(counting_array):
    lazy = counting_array(np.arange(600.0).reshape(2, 300))
    signal = Signal(lazy, 10, ["a", "b"])
    assert (signal.shape, signal.n_channels, signal.n_epochs(30)) == ((2, 300), 2, 1)
    assert not signal.is_loaded
    assert signal.fingerprint == Signal(lazy, 10, ["a", "b"]).fingerprint
    assert signal.replace(valid=[True]).provenance == ()
    assert "300 samples" in repr(signal)
    pickle.loads(pickle.dumps(signal))
    assert lazy.reads == 0
    assert signal.data.dtype == np.float32
    assert not signal.data.flags.writeable
    assert lazy.reads == 2


@pytest.mark.parametrize(("dtype", "shared"), [("<f4", True), ("<f8", False)])
def test_a_file_is_mapped_and_other_numbers_are_converted(tmp_path, dtype, shared):
    np.save(tmp_path / "x.npy", np.ones((1, 30), dtype))
    signal = Signal(MappedArray.from_npy(tmp_path / "x.npy", "x"), 1)
    assert signal.is_mapped
    assert not signal.is_loaded
    assert signal.data.dtype == signal.take(np.array([2]), axis=1).dtype == np.float32
    owner = signal.data
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    assert isinstance(owner, mmap.mmap) == shared
    assert not signal.load().is_mapped


def test_take_copies_a_part(tmp_path):
    values = np.arange(24.0).reshape(4, 2, 3, 1).astype(np.float16)
    np.save(tmp_path / "x.npy", values)
    for data in (values, MappedArray.from_npy(tmp_path / "x.npy", "x")):
        signal = Signal(data)
        taken = signal.take(np.array([[3, 0], [1, 9]]), axis=0)
        assert taken.dtype == np.float32
        np.testing.assert_array_equal(taken, values[[[3, 0], [1, 3]]])
        taken[:] = -1
        np.testing.assert_array_equal(signal.data, values)


def test_load_reads_once(counting_array):
    lazy = counting_array(np.ones((1, 30)))
    loaded = Signal(lazy, 1, valid=[True]).load()
    assert loaded.is_loaded
    np.testing.assert_array_equal(loaded.data, loaded.data)
    assert lazy.reads == 1
    assert loaded.load() is loaded


@pytest.mark.parametrize(
    ("sfreq", "n_epochs"),
    [(100, 3), (99.97, 4), (256 / 3, 7), (85.353, 5), (0.5, 2), (1.29, 15)],
)
def test_whole_epochs_end_at_the_nearest_sample(sfreq, n_epochs):
    end = round(n_epochs * 30 * sfreq)
    assert Signal(np.zeros((1, end)), sfreq).n_epochs(30) == n_epochs
    assert Signal(np.zeros((1, end + 1)), sfreq).n_epochs(30) == n_epochs
    assert Signal(np.zeros((1, end - 1)), sfreq).n_epochs(30) == n_epochs - 1


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((np.zeros((2, 3, 4)), 10), {}, r"continuous signal has shape .*\(2, 3, 4\)"),
        ((np.zeros((2, 0)), 10), {}, r"no empty axis; got \(2, 0\)"),
        ((np.zeros((0, 9)), 10), {}, r"no empty axis; got \(0, 9\)"),
        ((np.zeros(5),), {}, r"epoched signal \(no sfreq\) has shape .*\(5,\)"),
        ((np.zeros((2, 3, 4)),), {}, r"got \(2, 3, 4\)"),
        ((np.zeros((2, 0, 4, 5)),), {}, r"got \(2, 0, 4, 5\)"),
        ((["a", "b"], 10), {}, "real numbers; got values of type <U1"),
        ((np.zeros((1, 9), complex), 10), {}, "real numbers; got .*complex128"),
        ((np.zeros((1, 9)), 0), {}, "'sfreq' parameter of Signal must be"),
        ((np.zeros((2, 9)), 1, ["a"]), {}, "ch_names has length 1, .* 2 channels"),
        ((np.zeros((2, 9)), 1, "ab"), {}, "ch_names must be a sequence.*'ab'"),
        ((np.zeros((2, 9)),), {"valid": [True]}, "valid has length 1, .* 2 epochs"),
        ((np.zeros((2, 9)),), {"valid": [[True] * 2]}, "valid must be a flat array"),
        ((np.zeros((2, 9)), 1), {"freqs": [1, 2]}, "Only spectra have freqs"),
        ((np.zeros((2, 1, 3, 4)),), {"freqs": [1]}, "freqs has length 1, .* 4 bins"),
        ((np.zeros((2, 9)), 1), {"bandwidth": -1}, "'bandwidth' parameter of Signal"),
        ((np.zeros((2, 9)), 1), {"provenance": "cut"}, "provenance must be.*'cut'"),
    ],
)
def test_what_does_not_fit_is_named(args, options, words):
    with pytest.raises(ValueError, match=words):
        Signal(*args, **options)


def test_shape_errors_are_recording_errors():
    with pytest.raises(RecordingError):
        Signal(np.zeros(5))


def test_replace_changes_what_is_named_and_shares_the_rest():
    signal = Signal(
        np.zeros((2, 30)), 10, ["a", "b"], bandwidth=3, valid=[True], provenance=["x"]
    )
    changed = signal.replace(valid=[False])
    assert not changed.valid[0]
    assert np.shares_memory(changed.data, signal.data)
    assert changed.ch_names == ("a", "b")
    assert (changed.sfreq, changed.bandwidth, changed.provenance) == (10, 3, ("x",))
    assert signal.valid[0]


def fingerprint(**changes):
    parts = {"data": np.arange(12.0).reshape(2, 6), "sfreq": 1.0, "ch_names": "ab"}
    parts["ch_names"] = list(parts["ch_names"])
    return Signal(**{**parts, **changes}).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"data": np.arange(12.0).reshape(2, 6) + 1e-3},
        {"data": np.arange(12.0).reshape(2, 6)[:, ::-1]},
        {"sfreq": 2.0},
        {"ch_names": ["a", "c"]},
        {"bandwidth": 0.25},
        {"valid": [True]},
        {"provenance": ["x"]},
    ],
)
def test_fingerprint_tells_every_part(changes):
    assert fingerprint(**changes) != fingerprint()
    assert fingerprint() == fingerprint()


def test_fingerprint_tells_the_shape():
    values = np.arange(12.0)
    a, b = (Signal(values.reshape(shape)) for shape in ((3, 4), (4, 3)))
    assert a.replace(ch_names=()).fingerprint != b.replace(ch_names=()).fingerprint


@pytest.mark.parametrize("order", ["C", "F", "sliced", "flat"])
def test_fingerprint_does_not_depend_on_the_layout_in_memory(order):
    """A pickle packs strided values; a worker must name the same night the same."""
    values = np.arange(6, dtype=np.float32).reshape(1, 6)
    if order == "F":
        values = np.asfortranarray(np.vstack([values, values]))
    elif order == "sliced":
        values = np.repeat(values, 2, axis=1)[:, ::2]
    elif order == "flat":
        values = values[0]
    signal = Signal(values, 1.0)
    again = pickle.loads(pickle.dumps(signal))
    plain = Signal(np.array(signal.data, order="C"), 1.0)
    assert signal.fingerprint == again.fingerprint == plain.fingerprint


def test_a_lazy_fingerprint_is_that_of_the_source(counting_array):
    a, b, c = (Signal(counting_array([[1.0]], name), 1) for name in "aba")
    assert a.fingerprint == c.fingerprint != b.fingerprint


def test_pickle_keeps_every_part():
    signal = Signal(
        np.random.default_rng(0).random((2, 3, 4, 5)),
        ch_names=["a", "b", "c"],
        bandwidth=20,
        freqs=np.arange(5),
        valid=[True, False],
        provenance=["x"],
    )
    again = pickle.loads(pickle.dumps(signal))
    np.testing.assert_array_equal(again.data, signal.data)
    assert not again.data.flags.writeable
    assert again.fingerprint == signal.fingerprint


def test_repr_says_which_payload():
    assert repr(Signal(np.zeros((1, 5)), 2, ["C4"])) == (
        "Signal(1 x 5 samples at 2 Hz: C4)"
    )
    assert repr(Signal(np.zeros((3, 5)))) == "Signal(epoched 3 x 5)"
