"""Ready-made stagers: Pipelines that take nights, and the staging of one."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.pipelines._stage_night import StagedNight, stage_night
    from sleepkit.pipelines._stagers import make_stager
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["StagedNight", "make_stager", "stage_night"]
