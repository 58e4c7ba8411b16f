"""SleepTransformer as a stager: the published size."""

import numpy as np

from sleepkit.classifiers import SleepTransformerClassifier


def test_the_published_size():
    stager = SleepTransformerClassifier()
    stager.layout_, stager.classes_ = {"eeg": (1, 29, 128)}, np.arange(5)
    assert sum(p.numel() for p in stager._build_module().parameters()) == 3_701_893
