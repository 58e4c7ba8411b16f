"""One night from its file to its results, for any process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sleepkit import datasets
from sleepkit.cli._channel_use import explain_channels, explain_missing
from sleepkit.cli._messages import collect_notes, describe
from sleepkit.cli._night_page import NightPage
from sleepkit.cli._night_report import NightReport
from sleepkit.cli._nights import Night
from sleepkit.cli._output import refuse_existing, result_paths, write_results
from sleepkit.datasets._night import name_channel

if TYPE_CHECKING:
    from sleepkit.datasets._night import Channel
    from sleepkit.pipelines import StagedNight
    from sleepkit.recording import Recording


@dataclass(frozen=True, kw_only=True)
class NightTask(ABC):
    """What is done with every night; a night that fails gives a report too."""

    modalities: Sequence[str]
    channels: Mapping[str, Channel]
    units: Mapping[str, str]
    out: Path
    formats: Sequence[str]
    overwrite: bool
    page: NightPage | None = None  # None writes no report

    @property
    def columns(self) -> Sequence[str]:
        """Modalities of the summary."""
        return self.modalities

    @abstractmethod
    def find_stages(
        self, night: Night, recording: Recording, report: NightReport
    ) -> StagedNight:
        """Find the stages of a night, and note what is implausible in the report."""

    def run(self, night: Night) -> NightReport:
        """Stage a night and write the results; an error ends up in the report."""
        report = NightReport(night.path, night.name)
        with collect_notes() as report.reader_notes:
            try:
                self.stage(night, report)
            except Exception as error:  # noqa: BLE001 - the other nights go on
                report.error = describe(error)
        return report

    def stage(self, night: Night, report: NightReport) -> None:
        """Stage a night, write the results, and fill in the report."""
        paths = result_paths(
            self.out / night.name, self.formats, page=self.page is not None
        )
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
        staged = report.staged = self.find_stages(night, recording, report)
        page = ""
        if self.page is not None:
            recording = self.page.with_expert(night, recording)
            page = self.page.write(report, staged, recording)
        report.outputs = write_results(paths, recording, staged, page)

    def _missing(self, path: Path, used: Sequence[str]) -> dict[str, str]:
        """Reason for each modality that the night lacks."""
        if all(modality in used for modality in self.modalities):
            return {}
        uses = explain_channels(path, self.modalities, self.channels)
        return explain_missing(uses, self.modalities)
