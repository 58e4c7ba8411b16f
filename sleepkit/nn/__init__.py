"""Networks and losses in plain torch."""

from sleepkit.nn._extractors import EncoderClass
from sleepkit.nn._feature_net import FeatureNet
from sleepkit.nn._losses import alignment_loss, multi_view_loss
from sleepkit.nn._medfuse import MedFuseNet, MedFuseOutput
from sleepkit.nn._modality_logits import modality_logits
from sleepkit.nn._reversal import gradient_reversal
from sleepkit.nn._sleepmg import SleepMGNet, SleepMGOutput
from sleepkit.nn._vector_net import VectorNet

__all__ = [
    "EncoderClass",
    "FeatureNet",
    "MedFuseNet",
    "MedFuseOutput",
    "SleepMGNet",
    "SleepMGOutput",
    "VectorNet",
    "alignment_loss",
    "gradient_reversal",
    "modality_logits",
    "multi_view_loss",
]
