"""The systems of the papers on archives of their cohorts, as the guide shows."""

from __future__ import annotations

import pytest

from sleepkit.datasets import load_isruc, load_shhs, select_epochs
from sleepkit.evaluation import (
    cross_validate_staging,
    medfusesleep_protocol,
    sleepmg_protocol,
)
from sleepkit.pipelines import make_stager
from tests.datasets.trees import write_isruc, write_shhs


@pytest.fixture
def shhs(tmp_path):
    """An archive of five subjects with all stages, and of one without REM."""
    root = tmp_path / "shhs"
    for number in range(200001, 200006):
        write_shhs(root, number, [0, 0, 1, 2, 9, 3, 4, 5])
    write_shhs(root, 200006, [0, 1, 2, 3])
    return root


@pytest.fixture
def isruc(tmp_path):
    """An archive of the ten subjects of subgroup III, of two epochs more than used."""
    root = tmp_path / "subgroupIII"
    for number in range(1, 11):
        write_isruc(root / str(number), number, [0, 1, 2, 3, 5, 0, 0])
    return root


def test_medfusesleep_on_shhs(shhs, tmp_path):
    X, *_ = load_shhs(shhs, visit=1, modalities=("eeg", "eog"))
    trim = ("trim_wake", {"rule": "evening_first"})
    X, y, _, counts = select_epochs(X, ["drop_unscored", trim, "require_all_stages"])
    protocol = medfusesleep_protocol(X, y, n_validation=1, random_state=0)
    stager = make_stager("medfusesleep", size="published", cache=tmp_path / "spectra")
    stager.set_params(quality="passthrough")
    stager[-1].set_params(**protocol.parameters)
    small = {"d_model": 8, "n_heads": 2, "n_layers": 1, "dim_feedforward": 8}
    stager[-1].set_params(**small, d_head=8, max_epochs=1, sequence_length=2)
    result = cross_validate_staging(
        {"medfusesleep": stager}, X, y, cv=protocol.cv, subsets="every", random_state=0
    )
    assert [count.n_recordings for count in counts] == [6, 6, 5]
    (split,) = result.protocol["splits"]
    assert len(split["training_subjects"]) == 3
    assert result.conditions == ["all", "eeg", "eog"]
    assert result.scores()["n_epochs"] == [14, 14, 14]


def test_sleepmg_on_isruc(isruc, tmp_path):
    X, y, _, _ = load_isruc(
        isruc,
        subgroup="III",
        modalities=("eeg", "eog", "emg", "ecg"),
        channels={
            "eeg": ["C3-A2", "C4-A1", "F3-A2", "F4-A1", "O1-A2", "O2-A1"],
            "eog": ["LOC-A2", "ROC-A1"],
        },
        drop_last_epochs=2,
    )
    protocol = sleepmg_protocol(X, random_state=0)
    stager = make_stager("sleepmg", size="published", cache=tmp_path / "signals")
    stager.set_params(quality="passthrough")
    stager[-1].set_params(**protocol.parameters)
    stager[-1].set_params(per_channel=False, max_epochs=1, n_threads=1)
    result = cross_validate_staging(
        {"sleepmg": stager}, X, y, cv=protocol.cv[:2], random_state=0
    )
    assert len(protocol.cv) == 5
    assert result.scores()["n_epochs"] == [20]
    assert [len(s["test_subjects"]) for s in result.protocol["splits"]] == [2, 2]
