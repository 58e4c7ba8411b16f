"""Networks and losses in plain torch."""

from sleepkit.nn._cpu import fast_cpu
from sleepkit.nn._early_fusion import EarlyFusionNet
from sleepkit.nn._encoders import EncoderClass, VectorNet
from sleepkit.nn._feature_net import FeatureNet
from sleepkit.nn._fusion import MedFuseOutput
from sleepkit.nn._medfuse import MedFuseNet
from sleepkit.nn._medfuse_loss import MedFuseLoss, alignment_loss, multi_view_loss
from sleepkit.nn._mid_late_fusion import MidLateFusionNet
from sleepkit.nn._reversal import gradient_reversal
from sleepkit.nn._sleepmg import (
    SleepMGLoss,
    SleepMGNet,
    SleepMGOutput,
    modality_logits,
)

__all__ = [
    "EarlyFusionNet",
    "EncoderClass",
    "FeatureNet",
    "MedFuseLoss",
    "MedFuseNet",
    "MedFuseOutput",
    "MidLateFusionNet",
    "SleepMGLoss",
    "SleepMGNet",
    "SleepMGOutput",
    "VectorNet",
    "alignment_loss",
    "fast_cpu",
    "gradient_reversal",
    "modality_logits",
    "multi_view_loss",
]
