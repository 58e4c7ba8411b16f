"""Weight of each class in the loss, by the parameter `class_weight`."""

import numpy as np
import pytest

from sleepkit.classifiers._class_weights import class_weights


def test_balanced_weights_of_a_fold_without_a_stage():
    y = np.array([0, 0, 0, 1, 3])
    weights = class_weights("balanced", np.arange(5), y)
    assert weights.tolist() == pytest.approx([5 / 9, 5 / 3, 1, 5 / 3, 1])
    assert class_weights(None, np.arange(5), y) is None


def test_weights_by_name():
    classes = np.array(["N2", "W"])
    weights = class_weights({"W": 3}, classes, np.array(["N2"]))  # W is not in y
    assert weights.tolist() == [1, 3]
    with pytest.raises(ValueError, match=r"'class_weight' names \['REM'\]; .*'N2'"):
        class_weights({"REM": 2, "W": 1}, classes, classes)
