"""Some channels of files of many layouts, against the digits that were written."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sleepkit.exceptions import RecordingError
from sleepkit.io import _edf_records
from sleepkit.io._channels import Derivation
from sleepkit.io._edf import EdfFile
from sleepkit.io._edf_header import read_edf_header
from sleepkit.io._edf_records import find_records
from sleepkit.io._edf_runs import find_runs


def read(path, *rows, **options):
    """Read channels, or differences of two, by their numbers."""
    file = EdfFile(path, **options)
    derived = [Derivation("", *(file.channels[i] for i in row)) for row in rows]
    return np.asarray(file.array(derived, dict.fromkeys(range(99), 1.0), skip=0))


@pytest.mark.parametrize(
    ("places", "record_bytes", "runs"),
    [
        ([(0, 10)], 10, [(0, 10)]),
        ([(2, 10)], 8000, [(0, 8000)]),
        ([(2, 10)], 20_000, [(2, 10)]),
        ([(19_000, 20_000)], 20_000, [(19_000, 20_000)]),
        ([(40, 80), (0, 20)], 20_000, [(0, 80)]),
        ([(0, 20), (0, 20)], 20_000, [(0, 20)]),
        ([(0, 20), (50_000, 50_020)], 90_000, [(0, 20), (50_000, 50_020)]),
        ([(0, 20), (15_000, 15_020)], 30_000, [(0, 20), (15_000, 15_020)]),
        ([(0, 20), (15_000, 15_020)], 16_000, [(0, 16_000)]),
    ],
)
def test_the_bytes_that_are_read(places, record_bytes, runs):
    assert find_runs([slice(*place) for place in places], record_bytes) == runs


@pytest.mark.parametrize("has_pread", [True, False])
@pytest.mark.parametrize("seed", range(30))
def test_some_channels_of_any_layout(write_edf, monkeypatch, seed, has_pread):
    rng = np.random.default_rng(seed)
    rates = [1, 100, 2000, 5000, 9000]
    channels = [
        write_edf.Channel(f"X{i}", int(rng.choice(rates)), physical=(-500, 400 + i))
        for i in range(rng.integers(1, 9))
    ]
    n_records = int(rng.integers(1, 12))
    path = write_edf(
        channels,
        n_records,
        sample_bytes=int(rng.choice([2, 3])),
        stamps=range(n_records) if rng.random() < 0.5 else None,
    )
    block_bytes = int(rng.choice([1, 20_000, 200_000, 1 << 20]))
    monkeypatch.setattr(_edf_records, "_BLOCK_BYTES", block_bytes)
    if not has_pread:
        monkeypatch.delattr(os, "pread", raising=False)
    rate = rng.choice([channel.sfreq for channel in channels])
    numbers = [i for i, channel in enumerate(channels) if channel.sfreq == rate]
    picked = rng.permutation(numbers)[: rng.integers(1, len(numbers) + 1)]
    found = read(path, *([i] for i in picked))
    expected = np.array([channels[i].values() for i in picked])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_far_channels_and_their_difference_with_a_gap(write_edf):
    channels = [write_edf.Channel(f"X{i}", 4000) for i in range(8)]
    path = write_edf(channels, 6, stamps=[0, 1, 2, 5, 6, 7], reserved="EDF+D")
    (found,) = read(path, [1, 6], on_gap="fill")
    expected = channels[1].values() - channels[6].values()
    np.testing.assert_allclose(found[:12_000], expected[:12_000], atol=1e-3)
    assert np.isnan(found[12_000:20_000]).all()
    np.testing.assert_allclose(found[20_000:], expected[12_000:], atol=1e-3)


def overwrite(path):
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\1")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (overwrite, "was changed while it was read"),
        (cut, "was cut short while it was read"),
    ],
)
def test_a_file_that_changes_while_some_channels_are_read(
    write_edf, monkeypatch, change, message
):
    monkeypatch.setattr(_edf_records, "_BLOCK_BYTES", 1)  # a record at a time
    path = write_edf([write_edf.Channel(f"X{i}", 9000) for i in range(2)], 9)
    records = find_records(read_edf_header(path), on_gap="error")
    blocks = records.blocks([slice(0, 18_000)])
    assert next(blocks)[-1][0].shape == (1, 18_000)
    change(path)
    with pytest.raises(RecordingError, match=message):
        list(blocks)
