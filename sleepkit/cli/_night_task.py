"""One night from its file to its results, for any process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sleepkit import datasets, pipelines
from sleepkit.cli._channel_use import explain_channels, explain_missing
from sleepkit.cli._messages import collect_notes, describe
from sleepkit.cli._models import Model
from sleepkit.cli._night_report import NightReport
from sleepkit.cli._nights import Night
from sleepkit.cli._output import refuse_existing, result_paths, write_results
from sleepkit.datasets._night import name_channel
from sleepkit.exceptions import ChannelError
from sleepkit.pipelines._stagers import takes_any_subset

if TYPE_CHECKING:
    from sleepkit.datasets._night import Channel


@dataclass(frozen=True)
class NightTask:
    """What is done with every night; a night that fails gives a report too."""

    model: Model
    modalities: Sequence[str]  # of the model, without those to leave out
    channels: Mapping[str, Channel]
    units: Mapping[str, str]
    out: Path
    formats: Sequence[str]
    overwrite: bool

    def run(self, night: Night) -> NightReport:
        """Stage a night and write the results; an error ends up in the report."""
        report = NightReport(night.path, night.name)
        with collect_notes() as report.notes:
            try:
                self.stage(night, report)
            except Exception as error:  # noqa: BLE001 - the other nights go on
                report.error = describe(error)
        return report

    def stage(self, night: Night, report: NightReport) -> None:
        """Stage a night, write the results, and fill in the report."""
        paths = result_paths(self.out / night.name, self.formats)
        refuse_existing(paths.values(), overwrite=self.overwrite)
        recording = datasets.load_night(
            night.path,
            modalities=self.modalities,
            channels=self.channels,
            units=self.units,
            id=night.name,
        ).load()
        used = recording.modalities
        report.channels = {name: name_channel(recording, name) for name in used}
        report.missing = self._missing(night.path, used)
        self._check_complete(used)
        report.staged = pipelines.stage_night(self.model.stager, recording)
        report.notes += pipelines.staging_warnings(
            report.staged, recording, self.model.reference
        )
        report.outputs = write_results(paths, recording, report.staged)

    def _missing(self, path: Path, used: Sequence[str]) -> dict[str, str]:
        """Reason for each modality that the night lacks."""
        if all(modality in used for modality in self.modalities):
            return {}
        uses = explain_channels(path, self.modalities, self.channels)
        return explain_missing(uses, self.modalities)

    def _check_complete(self, used: Sequence[str]) -> None:
        """Refuse a night that lacks a modality, where the model needs all of them."""
        missing = [m for m in self.model.modalities if m not in used]
        if missing and not takes_any_subset(self.model.stager):
            msg = (
                f"The model needs all of {', '.join(self.model.modalities)}; this "
                f"night is without {', '.join(missing)}."
            )
            raise ChannelError(msg)
