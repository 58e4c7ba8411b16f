"""Stagers: scikit-learn classifiers whose rows are epochs."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.classifiers._base import SleepClassifier
    from sleepkit.classifiers._deepsleepnet import DeepSleepNetClassifier
    from sleepkit.classifiers._log_pool import LogPoolClassifier
    from sleepkit.classifiers._medfuse import MedFuseSleepClassifier
    from sleepkit.classifiers._module import ModuleClassifier
    from sleepkit.classifiers._seqsleepnet import SeqSleepNetClassifier
    from sleepkit.classifiers._sleepmg import SleepMGClassifier
    from sleepkit.classifiers._sleeptransformer import SleepTransformerClassifier
    from sleepkit.classifiers._xsleepnet import XSleepNetClassifier
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "DeepSleepNetClassifier",
    "LogPoolClassifier",
    "MedFuseSleepClassifier",
    "ModuleClassifier",
    "SeqSleepNetClassifier",
    "SleepClassifier",
    "SleepMGClassifier",
    "SleepTransformerClassifier",
    "XSleepNetClassifier",
]
