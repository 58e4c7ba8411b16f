from __future__ import annotations

import os
import pickle
import shutil

import edfio
import mne
import numpy as np
import pytest

from sleepkit.exceptions import ChannelError, RecordingError
from sleepkit.io._channels import Derivation
from sleepkit.io._edf import EdfFile


def read(path, *positions, scale=1.0, skip=0, **options):
    """Read channels, or differences where a position is a pair."""
    file = EdfFile(path, **options)
    rows = []
    for item in positions:
        plus, *minus = (file.channels[i] for i in np.atleast_1d(item))
        rows.append(Derivation("", plus, *minus))
    scales = dict.fromkeys(range(len(file.channels)), scale)
    return file.array(rows, scales, skip=skip)


def test_values_are_those_of_the_definition_of_edfio_and_of_mne(write_edf):
    channel = write_edf.Channel(physical=(-312.5, 700), digital=(-2048, 2047))
    channel.digits = np.arange(-3000, 3000) % 4096 - 2048
    path = write_edf([write_edf.Channel("ECG", 50), channel], 60)
    data = np.asarray(read(path, 1))
    assert data.dtype == np.float32
    np.testing.assert_allclose(data[0], channel.values(), atol=1e-4)
    np.testing.assert_allclose(data[0], edfio.read_edf(path).signals[1].data, atol=1e-4)
    raw = mne.io.read_raw_edf(path, include=["C3-M2"], verbose="error")
    np.testing.assert_allclose(data[0], raw.get_data()[0] * 1e6, atol=1e-3)


def test_channels_keep_their_rates(write_edf):
    slow, fast = write_edf.Channel("EOG(L)", 50), write_edf.Channel("EEG", 125)
    path = write_edf([slow, fast], 45)  # no multiple of 30 s
    assert read(path, 0).shape == (1, 2250)
    assert read(path, 1).shape == (1, 5625)
    np.testing.assert_allclose(np.asarray(read(path, 0))[0], slow.values(), atol=1e-4)
    np.testing.assert_allclose(np.asarray(read(path, 1))[0], fast.values(), atol=1e-4)


def test_an_inverted_scale_is_honoured(write_edf):
    channel = write_edf.Channel(physical=(500, -500))
    data = np.asarray(read(write_edf([channel]), 0))
    assert np.corrcoef(data[0], channel.digits)[0, 1] == pytest.approx(-1)
    np.testing.assert_allclose(data[0], channel.values(), atol=1e-4)


def test_a_difference_is_first_minus_second(write_edf):
    left, right = (
        write_edf.Channel("EOG(L)"),
        write_edf.Channel("EOG(R)", digital=(-9, 9)),
    )
    right.digits = np.arange(6000) % 19 - 9
    data = np.asarray(read(write_edf([left, right]), (0, 1), 1, scale=1e3))
    expected = left.values(1e3) - right.values(1e3)
    np.testing.assert_allclose(data[0], expected, rtol=1e-6, atol=0.1)
    np.testing.assert_allclose(data[1], right.values(1e3), rtol=1e-6, atol=0.1)


def test_skip_leaves_samples_out_at_the_start(write_edf):
    path = write_edf()
    whole, rest = np.asarray(read(path, 0)), read(path, 0, skip=37)
    assert rest.shape == (1, 5963)
    np.testing.assert_array_equal(np.asarray(rest), whole[:, 37:])


def test_bdf_has_24_bits(write_edf):
    channel = write_edf.Channel(
        physical=(-262144, 262143), digital=(-8388608, 8388607), sfreq=64
    )
    edges = [-8388608, -8388607, -65537, -256, -1, 0, 1, 255, 65536, 8388606, 8388607]
    channel.digits = np.resize(edges, 60 * 64)
    path = write_edf([channel], 60, name="night.bdf", sample_bytes=3)
    data = np.asarray(read(path, 0))[0]
    np.testing.assert_allclose(data, channel.values(), rtol=1e-6, atol=0.05)
    np.testing.assert_allclose(data, edfio.read_bdf(path).signals[0].data, atol=0.05)


def test_shape_and_rate_are_known_unread_and_pickles_are_small(write_edf):
    array = read(write_edf(), 0)
    assert (array.shape, array.dtype, array.sfreq) == ((1, 6000), np.float32, 100)
    pickled = pickle.dumps(array)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickled)), np.asarray(array))
    assert np.asarray(array, dtype=np.float64).dtype == np.float64


def test_the_fingerprint_differs_by_file_channels_units_and_skip(write_edf, tmp_path):
    path = write_edf([write_edf.Channel(), write_edf.Channel("C4-M1")])
    other = shutil.copy(path, tmp_path / "other.edf")
    arrays = [
        read(path, 0),
        read(path, 1),
        read(path, (0, 1)),
        read(path, 0, scale=1e3),
        read(path, 0, skip=1),
        read(other, 0),
    ]
    assert len({array.fingerprint for array in arrays}) == len(arrays)
    assert read(path, 0).fingerprint == arrays[0].fingerprint


def test_a_file_of_the_same_size_and_time_is_another(write_edf):
    path = write_edf()
    array, stat, content = read(path, 0), path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert read(path, 0).fingerprint != array.fingerprint
    with pytest.raises(RecordingError, match="has changed since it was opened"):
        np.asarray(array)


def test_a_file_that_changed_is_refused(write_edf):
    path = write_edf()
    array = read(path, 0)
    with path.open("ab") as file:
        file.write(b"\0" * 200)
    with pytest.raises(RecordingError, match=r"night\.edf has changed"):
        np.asarray(array)


@pytest.mark.parametrize(
    "ranges", [{"physical": (0, 0)}, {"physical": ("nan", 1)}, {"digital": (0, 0)}]
)
def test_a_channel_without_a_scale_is_refused_when_used(write_edf, ranges):
    flat = write_edf.Channel("C4-M1", **ranges)
    flat.digits = np.zeros(6000, int)
    path = write_edf([write_edf.Channel(), flat])
    with pytest.raises(ChannelError, match=r"'C4-M1' .* has no scale"):
        read(path, 1)
    assert read(path, 0).shape == (1, 6000)


def test_a_channel_without_samples_is_refused_when_used(write_edf):
    path = write_edf([write_edf.Channel(), write_edf.Channel("X", 0)])
    assert read(path, 0).shape == (1, 6000)
    with pytest.raises(ChannelError, match=r"'X' of .* holds no samples"):
        read(path, 1)


def test_a_gap_is_nan_at_the_true_time(write_edf):
    channel = write_edf.Channel()
    stamps = [*range(20), *range(50, 90)]
    path = write_edf([channel], 60, stamps=stamps, reserved="EDF+D")
    file = EdfFile(path, on_gap="fill")
    assert file.gaps == [(20, 50)]
    assert file.duration == 90
    data = np.asarray(read(path, 0, on_gap="fill"))[0]
    assert data.shape == (9000,)
    np.testing.assert_allclose(data[:2000], channel.values()[:2000], atol=1e-4)
    assert np.isnan(data[2000:5000]).all()
    np.testing.assert_allclose(data[5000:], channel.values()[2000:], atol=1e-4)


def test_the_channels_are_described(write_edf):
    path = write_edf(
        [
            write_edf.Channel("POS", 1, "", (0, 3), (-17, 261), np.zeros(60, int)),
            write_edf.Channel("EEG C4-M1", 200, "mV", (-0.5, 0.25)),
        ],
        60,
        stamps=range(60),
    )
    pos, eeg = EdfFile(path).channels
    assert pos[:6] == (0, "POS", None, 1, 60, "")
    assert eeg[:8] == (1, "EEG C4-M1", "eeg", 200, 12000, "mV", -0.5, 0.25)
    assert eeg[8:] == (None, None, "")
