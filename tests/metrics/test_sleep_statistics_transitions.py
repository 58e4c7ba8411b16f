import json

import numpy as np
import pytest

from sleepkit.io import read_hypnogram
from sleepkit.metrics import stage_transitions

YASA_STAGES = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "R", -1: "Uns"}
NAMES = ["WAKE", "N1", "N2", "N3", "REM"]


def assert_equal_to_yasa(stages):
    yasa = pytest.importorskip("yasa")
    hypnogram = yasa.Hypnogram.from_integers(stages, mapping=YASA_STAGES)
    tables = hypnogram.transition_matrix()
    expected = [table.reindex(index=NAMES, columns=NAMES) for table in tables]
    counts, probabilities = stage_transitions(stages)
    np.testing.assert_array_equal(counts, expected[0].fillna(0))
    if np.min(stages) >= 0:  # YASA's rows sum up transitions to unscored epochs too
        follows = counts.any(axis=1)
        assert np.isnan(probabilities[~follows]).all()
        np.testing.assert_allclose(
            probabilities[follows], expected[1].fillna(0)[follows]
        )


def test_never_across_unscored_epochs():
    counts, probabilities = stage_transitions([0, 0, -1, 1, 2, -1, -1, 3, 0, 1])
    expected = np.zeros((5, 5))
    for before, after in [(0, 0), (1, 2), (3, 0), (0, 1)]:
        expected[before, after] += 1
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(probabilities[0], [0.5, 0.5, 0, 0, 0])
    assert np.isnan(probabilities[[2, 4]]).all()
    assert np.isfinite(probabilities[[0, 1, 3]]).all()


@pytest.mark.parametrize("stages", [[2], [-1, -1], [0, -1, 1]])
def test_no_transition(stages):
    counts, probabilities = stage_transitions(stages)
    assert counts.shape == probabilities.shape == (5, 5)
    assert counts.sum() == 0
    assert np.isnan(probabilities).all()


def test_invalid_stage_codes():
    with pytest.raises(ValueError, match="'stages' parameter of stage_transitions"):
        stage_transitions([0, 6])


@pytest.mark.parametrize("lowest", [-1, 0])
def test_random_nights_equal_yasa(lowest):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        assert_equal_to_yasa(rng.integers(lowest, rng.integers(1, 6), 40))


@pytest.mark.real
def test_real_nights_equal_yasa(real_data):
    for path in sorted((real_data / "sleep_edf").glob("SC*-Hypnogram.edf")):
        assert_equal_to_yasa(read_hypnogram(path).stages)
    for path in sorted((real_data / "dod_scorers").glob("scorer_*/*.json")):
        assert_equal_to_yasa(json.loads(path.read_text()))
