"""Ready-made stagers: Pipelines that take nights, and the staging of one."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.pipelines._stage_night import StagedNight, stage_night
    from sleepkit.pipelines._stagers import make_stager
    from sleepkit.pipelines._staging_warnings import staging_warnings
    from sleepkit.pipelines._training_reference import TrainingReference
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "StagedNight",
    "TrainingReference",
    "make_stager",
    "stage_night",
    "staging_warnings",
]
