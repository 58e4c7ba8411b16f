"""Staging of one night by a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleepkit import pipelines
from sleepkit.cli._models import Model
from sleepkit.cli._night_report import NightReport
from sleepkit.cli._night_task import NightTask
from sleepkit.cli._nights import Night
from sleepkit.exceptions import ChannelError
from sleepkit.pipelines._stagers import takes_any_subset

if TYPE_CHECKING:
    from sleepkit.pipelines import StagedNight
    from sleepkit.recording import Recording


@dataclass(frozen=True, kw_only=True)
class StagingTask(NightTask):
    """Staging of every night; `modalities` lacks those of the model to leave out."""

    model: Model

    @property
    def columns(self) -> Sequence[str]:
        """Modalities of the summary, those that are left out too."""
        return self.model.modalities

    def find_stages(
        self, night: Night, recording: Recording, report: NightReport
    ) -> StagedNight:
        """Stage a night by the model, and note what is implausible in the report."""
        self._check_complete(recording.modalities)
        staged = pipelines.stage_night(self.model.stager, recording)
        report.notes += pipelines.staging_warnings(
            staged, recording, self.model.reference
        )
        return staged

    def _check_complete(self, used: Sequence[str]) -> None:
        """Refuse a night that lacks a modality, where the model needs all of them."""
        missing = [m for m in self.model.modalities if m not in used]
        if missing and not takes_any_subset(self.model.stager):
            msg = (
                f"The model needs all of {', '.join(self.model.modalities)}; this "
                f"night is without {', '.join(missing)}."
            )
            raise ChannelError(msg)
