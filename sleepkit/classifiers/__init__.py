"""Stagers: scikit-learn classifiers whose rows are epochs."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.classifiers._attnsleep import AttnSleepClassifier
    from sleepkit.classifiers._base import SleepClassifier
    from sleepkit.classifiers._dan import DANClassifier
    from sleepkit.classifiers._deepsleepnet import DeepSleepNetClassifier
    from sleepkit.classifiers._distilled import DistilledClassifier
    from sleepkit.classifiers._featurenet import FeatureNetClassifier
    from sleepkit.classifiers._log_pool import LogPoolClassifier
    from sleepkit.classifiers._lseqsleepnet import LSeqSleepNetClassifier
    from sleepkit.classifiers._masksleepnet import MaskSleepNetClassifier
    from sleepkit.classifiers._medfuse import MedFuseSleepClassifier
    from sleepkit.classifiers._mmasleepnet import MMASleepNetClassifier
    from sleepkit.classifiers._module import ModuleClassifier
    from sleepkit.classifiers._seqsleepnet import SeqSleepNetClassifier
    from sleepkit.classifiers._sleepmg import SleepMGClassifier
    from sleepkit.classifiers._sleepprintnet import SleepPrintNetClassifier
    from sleepkit.classifiers._sleeptransformer import SleepTransformerClassifier
    from sleepkit.classifiers._sleepyco import SleePyCoClassifier
    from sleepkit.classifiers._temporal_conv import TemporalConvClassifier
    from sleepkit.classifiers._tinysleepnet import TinySleepNetClassifier
    from sleepkit.classifiers._xsleepnet import XSleepNetClassifier
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "AttnSleepClassifier",
    "DANClassifier",
    "DeepSleepNetClassifier",
    "DistilledClassifier",
    "FeatureNetClassifier",
    "LSeqSleepNetClassifier",
    "LogPoolClassifier",
    "MMASleepNetClassifier",
    "MaskSleepNetClassifier",
    "MedFuseSleepClassifier",
    "ModuleClassifier",
    "SeqSleepNetClassifier",
    "SleePyCoClassifier",
    "SleepClassifier",
    "SleepMGClassifier",
    "SleepPrintNetClassifier",
    "SleepTransformerClassifier",
    "TemporalConvClassifier",
    "TinySleepNetClassifier",
    "XSleepNetClassifier",
]
