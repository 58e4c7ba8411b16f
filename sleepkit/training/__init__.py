"""Training: batches of epochs, the skorch net, the plan of a method, callbacks."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.training._batches import Batches
    from sleepkit.training._checkpoint import Checkpoint
    from sleepkit.training._epoch_source import (
        ArraySource,
        EpochSource,
        RecordingSource,
    )
    from sleepkit.training._gradient_blending import GradientBlending
    from sleepkit.training._modality_balance import ModalityBalance
    from sleepkit.training._modality_dropout import ModalityDropout
    from sleepkit.training._net import StagingNet
    from sleepkit.training._on_the_fly_modulation import OnTheFlyModulation
    from sleepkit.training._progress_bar import ProgressBar
    from sleepkit.training._schedules import (
        CosineSchedule,
        RestartSchedule,
        ReversalSchedule,
    )
    from sleepkit.training._signal_augmentation import SignalAugmentation
    from sleepkit.training._training_stage import TrainingStage
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "ArraySource",
    "Batches",
    "Checkpoint",
    "CosineSchedule",
    "EpochSource",
    "GradientBlending",
    "ModalityBalance",
    "ModalityDropout",
    "OnTheFlyModulation",
    "ProgressBar",
    "RecordingSource",
    "RestartSchedule",
    "ReversalSchedule",
    "SignalAugmentation",
    "StagingNet",
    "TrainingStage",
]
