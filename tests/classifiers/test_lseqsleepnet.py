"""L-SeqSleepNet as a stager: the published size."""

import numpy as np

from sleepkit.classifiers import LSeqSleepNetClassifier


def test_the_published_size():
    stager = LSeqSleepNetClassifier()
    stager.layout_, stager.classes_ = {"eeg": (1, 29, 129)}, np.arange(5)
    assert sum(p.numel() for p in stager._build_module().parameters()) == 628_389
