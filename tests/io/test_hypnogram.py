import numpy as np
import pytest

from sleepkit.io import Hypnogram


def test_hypnogram_is_read_only():
    hypnogram = Hypnogram([0, 1], probabilities=np.zeros((2, 5)))
    for array in (hypnogram.stages, hypnogram.probabilities):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_hypnogram_needs_a_positive_epoch():
    with pytest.raises(ValueError, match=r"'epoch_duration'.*Hypnogram"):
        Hypnogram([0], epoch_duration=0)
