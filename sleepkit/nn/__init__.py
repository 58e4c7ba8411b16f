"""Networks and losses in plain torch."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.nn._attnsleep import AttnSleep
    from sleepkit.nn._blockwise_heads import BlockwiseHeads
    from sleepkit.nn._cpu import fast_cpu
    from sleepkit.nn._dan import DAN, DANLoss, DANOutput
    from sleepkit.nn._deepsleepnet import DeepSleepNet
    from sleepkit.nn._distillation_loss import distillation_loss
    from sleepkit.nn._early_fusion import EarlyFusionNet
    from sleepkit.nn._encoders import EncoderClass, VectorNet
    from sleepkit.nn._epoch_attention import EpochAttention
    from sleepkit.nn._feature_net import FeatureNet
    from sleepkit.nn._feature_net_with_head import FeatureNetWithHead
    from sleepkit.nn._fusion import MedFuseOutput
    from sleepkit.nn._leave_one_out_loss import LeaveOneOutLoss
    from sleepkit.nn._lseqsleepnet import LSeqSleepNet
    from sleepkit.nn._masked_spectra import (
        MaskedOutput,
        MaskedSpectra,
        MaskedSpectraLoss,
    )
    from sleepkit.nn._masksleepnet import MaskSleepNet
    from sleepkit.nn._maximum_mean_discrepancy import maximum_mean_discrepancy
    from sleepkit.nn._medfuse import MedFuseNet
    from sleepkit.nn._medfuse_loss import MedFuseLoss, alignment_loss, multi_view_loss
    from sleepkit.nn._mid_late_fusion import MidLateFusionNet
    from sleepkit.nn._mmasleepnet import MMASleepNet
    from sleepkit.nn._modality_projector import ModalityProjector
    from sleepkit.nn._reversal import gradient_reversal
    from sleepkit.nn._seqsleepnet import SeqSleepNet
    from sleepkit.nn._sleepmg import (
        SleepMGLoss,
        SleepMGNet,
        SleepMGOutput,
        modality_logits,
    )
    from sleepkit.nn._sleepprintnet import SleepPrintNet
    from sleepkit.nn._sleeptransformer import SleepTransformer
    from sleepkit.nn._sleepyco import SleePyCo, SleePyCoLoss
    from sleepkit.nn._stage_loss import StageLoss
    from sleepkit.nn._supervised_contrastive_loss import SupervisedContrastiveLoss
    from sleepkit.nn._temporal_conv_net import TemporalConvNet
    from sleepkit.nn._tinysleepnet import TinySleepNet, TinySleepNetLoss
    from sleepkit.nn._xsleepnet import XSleepNet, XSleepNetOutput
    from sleepkit.nn._xsleepnet_loss import XSleepNetLoss
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "DAN",
    "AttnSleep",
    "BlockwiseHeads",
    "DANLoss",
    "DANOutput",
    "DeepSleepNet",
    "EarlyFusionNet",
    "EncoderClass",
    "EpochAttention",
    "FeatureNet",
    "FeatureNetWithHead",
    "LSeqSleepNet",
    "LeaveOneOutLoss",
    "MMASleepNet",
    "MaskSleepNet",
    "MaskedOutput",
    "MaskedSpectra",
    "MaskedSpectraLoss",
    "MedFuseLoss",
    "MedFuseNet",
    "MedFuseOutput",
    "MidLateFusionNet",
    "ModalityProjector",
    "SeqSleepNet",
    "SleePyCo",
    "SleePyCoLoss",
    "SleepMGLoss",
    "SleepMGNet",
    "SleepMGOutput",
    "SleepPrintNet",
    "SleepTransformer",
    "StageLoss",
    "SupervisedContrastiveLoss",
    "TemporalConvNet",
    "TinySleepNet",
    "TinySleepNetLoss",
    "VectorNet",
    "XSleepNet",
    "XSleepNetLoss",
    "XSleepNetOutput",
    "alignment_loss",
    "distillation_loss",
    "fast_cpu",
    "gradient_reversal",
    "maximum_mean_discrepancy",
    "modality_logits",
    "multi_view_loss",
]
