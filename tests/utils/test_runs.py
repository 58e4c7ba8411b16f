import numpy as np
import pytest

from sleepkit.utils import marked_runs


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 1], [[0, 2]]),
        ([0, 1, 0, 0, 1, 1], [[1, 2], [4, 6]]),
    ],
)
def test_first_and_end_of_each_run(marked, expected):
    found = marked_runs(np.array(marked, bool))
    assert found.shape == (len(expected), 2)
    assert found.tolist() == expected
