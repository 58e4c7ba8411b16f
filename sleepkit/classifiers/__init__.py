"""Stagers: scikit-learn classifiers whose rows are epochs."""

from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._deepsleepnet import DeepSleepNetClassifier
from sleepkit.classifiers._medfuse import MedFuseSleepClassifier
from sleepkit.classifiers._module import ModuleClassifier
from sleepkit.classifiers._sleepmg import SleepMGClassifier

__all__ = [
    "DeepSleepNetClassifier",
    "MedFuseSleepClassifier",
    "ModuleClassifier",
    "SleepClassifier",
    "SleepMGClassifier",
]
