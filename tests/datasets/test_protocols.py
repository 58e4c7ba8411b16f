"""Splits that authors published, by lists of recordings."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.datasets import (
    neuralbench_split,
    sleeptransformer_split,
    sleepyco_split,
)
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.recording import EpochArray, Recording


def cohort(names, lengths=None):
    """Recordings without signals; the length of each is that of its stages."""
    lengths = lengths or [5] * len(names)
    return EpochArray(
        Recording(id=n, subject=n, signals={}, hypnogram=np.arange(length) % 5)
        for n, length in zip(names, lengths, strict=True)
    )


def write_lists(folder, train, validation, test):
    """Lists as SleepTransformer publishes them, of (number, epochs)."""
    lists = {"train": train, "eval": validation, "test": test}
    for name, rows in lists.items():
        lines = [f"../../mat/n{number:04}_eeg.mat\t{n}\n" for number, n in rows]
        (folder / f"{name}_list.txt").write_text("".join(lines))


def recordings(X, split):
    return [sorted(set(X.recording[rows].tolist())) for rows in split]


def test_sleeptransformer(tmp_path):
    names = ["shhs:200005-1", "shhs:200002-1", "shhs:200003-1", "shhs:200001-1"]
    X = cohort(names, [8, 6, 3, 5])  # the third lacks stages, so it is not counted
    write_lists(tmp_path, [(3, 8)], [(1, 5)], [(2, 6)])
    split = sleeptransformer_split(X, tmp_path)
    assert recordings(X, split) == [
        ["shhs:200005-1"],
        ["shhs:200001-1"],
        ["shhs:200002-1"],
    ]
    assert [len(rows) for rows in split] == [8, 5, 6]


def test_lists_that_do_not_fit(tmp_path):
    write_lists(tmp_path, [(3, 8)], [(1, 5)], [(2, 6)])
    with pytest.warns(SleepkitWarning, match=r"1 of 3 .* first b"):
        sleeptransformer_split(cohort("abc", [5, 7, 8]), tmp_path)
    with pytest.raises(RecordingError, match=r"number 3 recordings, and X has 2"):
        sleeptransformer_split(cohort("ab"), tmp_path)
    write_lists(tmp_path, [(3, 8)], [(1, 5)], [(3, 6)])
    with pytest.raises(RecordingError, match="both must be the same"):
        sleeptransformer_split(cohort("abc"), tmp_path)
    (tmp_path / "test_list.txt").write_text("shhs1-200001\n")
    with pytest.raises(RecordingError, match=r"must hold lines as .*'shhs1-200001'"):
        sleeptransformer_split(cohort("abc"), tmp_path)
    with pytest.raises(RecordingError, match="cannot be read"):
        sleeptransformer_split(cohort("abc"), tmp_path / "absent")


def test_sleepyco():
    X = cohort(["c", "a", "b", "d"])  # places are those of the sorted recordings
    folds = [
        {"train": [0, 1], "val": [2], "test": [3]},
        {"train": np.array([3, 2]), "val": np.array([1]), "test": np.array([0])},
    ]
    assert recordings(X, sleepyco_split(X, folds)) == [["a", "b"], ["c"], ["d"]]
    split = sleepyco_split(X, folds, fold=2)
    assert recordings(X, split) == [["c", "d"], ["b"], ["a"]]
    with pytest.raises(RecordingError, match="fold from 1 to 2; got 3"):
        sleepyco_split(X, folds, fold=3)
    folds[0]["test"] = [3, 1]
    with pytest.raises(RecordingError, match=r"'b' \(number 1\) is in 2 parts"):
        sleepyco_split(X, folds)


@pytest.mark.parametrize("names", ["abd", "abcde"])
def test_sleepyco_needs_the_recordings_of_the_fold(names):
    """One that is lacking would shift the places of the later ones."""
    folds = [{"train": [0, 1], "val": np.array([2]), "test": [3]}]
    n = len(names)
    with pytest.raises(RecordingError, match=rf"X has {n} .* fold 1 name 4; "):
        sleepyco_split(cohort(names), folds)


def test_sleepyco_counts_subjects_of_sleep_edf():
    X = cohort(
        [f"sleep-edf:SC4{subject:02}{n}" for subject in (0, 7, 82) for n in (1, 2)]
    )
    split = sleepyco_split(X, [{"train": [82], "val": [7], "test": [0]}])
    assert recordings(X, split) == [
        ["sleep-edf:SC4821", "sleep-edf:SC4822"],
        ["sleep-edf:SC4071", "sleep-edf:SC4072"],
        ["sleep-edf:SC4001", "sleep-edf:SC4002"],
    ]
    other = {"train": [82], "val": [7], "test": [1]}  # as many, but not the same
    with pytest.raises(RecordingError, match=r"X has 3 .* name 3; .* has is 0\."):
        sleepyco_split(X, [other])


def test_neuralbench():
    """The whole cohort, and a part of it."""
    numbers = sorted({*range(83)} - {39, 68, 69, 78, 79})
    X = cohort([f"sleep-edf:SC4{number:02}1" for number in numbers[::-1]])
    split = neuralbench_split(X)
    subjects = [[int(n[-3:-1]) for n in names] for names in recordings(X, split)]
    assert [len(some) for some in subjects] == [46, 16, 16]
    assert sorted(number for some in subjects for number in some) == numbers
    assert subjects[2] == [0, 2, 5, 6, 13, 37, 42, 44, 47, 48, 52, 54, 55, 61, 65, 74]
    few = cohort([f"sleep-edf:SC4{number:02}2" for number in (0, 3, 1)])
    assert recordings(few, neuralbench_split(few)) == [
        ["sleep-edf:SC4012"],
        ["sleep-edf:SC4032"],
        ["sleep-edf:SC4002"],
    ]


@pytest.mark.parametrize("name", ["sleep-edf:ST7011", "sleep-edf:SC4391", "a"])
def test_neuralbench_splits_cassettes_alone(name):
    with pytest.raises(RecordingError, match=rf"cassettes of Sleep-EDF.*got '{name}'"):
        neuralbench_split(cohort([name]))
