"""What stands between nights and skorch: epochs, batches, the net, its callbacks."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.training._batches import Batches
    from sleepkit.training._callbacks import ProgressBar
    from sleepkit.training._epochs import Epochs, NightEpochs, RowEpochs, open_nights
    from sleepkit.training._modality_balance import ModalityBalance
    from sleepkit.training._modality_dropout import ModalityDropout
    from sleepkit.training._net import LastBatch, StagingNet
    from sleepkit.training._on_the_fly_modulation import OnTheFlyModulation
    from sleepkit.training._reversal_schedule import ReversalSchedule
    from sleepkit.training._rounds import Rounds
    from sleepkit.training._runtime import find_device, seeded, threads
    from sleepkit.training._schedules import CosineSchedule, RestartSchedule
    from sleepkit.training._stage import ReadOut, stage
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "Batches",
    "CosineSchedule",
    "Epochs",
    "LastBatch",
    "ModalityBalance",
    "ModalityDropout",
    "NightEpochs",
    "OnTheFlyModulation",
    "ProgressBar",
    "ReadOut",
    "RestartSchedule",
    "ReversalSchedule",
    "Rounds",
    "RowEpochs",
    "StagingNet",
    "find_device",
    "open_nights",
    "seeded",
    "stage",
    "threads",
]
