"""Model files of earlier versions load, and predict what they predicted then.

Each file was written by the version in its name, with what it predicted beside it:
nets of 24 epochs of two recordings. A version that can no longer read a format says so
in its message, and removes the file here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sleepkit.persistence import load_model, model_card, model_info
from sleepkit.recording import EpochArray

FILES = sorted(Path(__file__).with_name("files").glob("*.model"))


def test_there_is_one():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_same_probabilities(path):
    then = np.load(path.with_suffix(".npz"))
    X = EpochArray.from_arrays(
        then["X"],
        recording=np.repeat(["a", "b"], 12),
        modalities={"eeg": [0, 1, 2, 3], "eog": [4, 5]},
    )
    proba = load_model(path).predict_proba(X)
    np.testing.assert_allclose(proba, then["proba"], atol=1e-4)
    assert proba.max(axis=1).mean() > 0.25  # they are no constants
    assert model_info(path)["about"]["nights"] == 5
    assert "Modalities: eeg, eog." in model_card(path).to_markdown()
