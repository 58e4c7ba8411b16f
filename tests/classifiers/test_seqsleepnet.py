"""SeqSleepNet as a stager: the published size, and its two kinds of output."""

import numpy as np
import pytest

from sleepkit.classifiers import SeqSleepNetClassifier


@pytest.mark.parametrize(("shared_output", "n"), [(False, 176_388), (True, 164_133)])
def test_the_published_size(shared_output, n):
    stager = SeqSleepNetClassifier(shared_output=shared_output)
    stager.layout_, stager.classes_ = {"eeg": (1, 29, 129)}, np.arange(5)
    assert sum(p.numel() for p in stager._build_module().parameters()) == n
