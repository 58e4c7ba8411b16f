"""``sleepkit report``: the report of nights whose stages exist already."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sleepkit.cli._arguments import MODALITIES, add_jobs, add_nights, add_overwrite
from sleepkit.cli._night_page import NightPage, add_expert, find_expert
from sleepkit.cli._night_report import NightReport
from sleepkit.cli._night_task import NightTask
from sleepkit.cli._nights import Night
from sleepkit.cli._stage import run_task
from sleepkit.exceptions import HypnogramError

if TYPE_CHECKING:
    from sleepkit.pipelines import StagedNight
    from sleepkit.recording import Recording

EXAMPLE: Final = """sleepkit report night.edf --out results/
  sleepkit report night.edf --hypnogram results/night-hypnogram.csv --out results/

Writes NIGHT-report.html from stages that exist already: those of the file beside NIGHT
that is named as `sleepkit train` expects it, or of --hypnogram, with which that file is
the expert's to compare with. Several nights give index.html and summary.csv as well."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the nights, their stages and the place of the reports."""
    add_nights(parser)
    parser.add_argument(
        "--hypnogram",
        type=Path,
        metavar="FILE",
        help="the stages of one night (the file beside NIGHT)",
    )
    add_expert(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where NIGHT-report.html goes",
    )
    add_overwrite(parser)
    add_jobs(parser)


def run(arguments: Namespace) -> bool:
    """Write the reports of nights; return whether one failed."""
    return run_task(_make_task, arguments, page=True)


def _make_task(arguments: Namespace) -> _ScoredTask:
    """Say where the stages are, and what to compare them with."""
    scored = arguments.hypnogram
    page = NightPage.from_arguments(arguments, search=scored is not None, scored=scored)
    return _ScoredTask(
        modalities=MODALITIES,
        channels=dict(arguments.channels),
        units=dict(arguments.units),
        out=arguments.out,
        formats=(),
        overwrite=arguments.overwrite,
        page=page,
        hypnogram=scored,
    )


@dataclass(frozen=True, kw_only=True)
class _ScoredTask(NightTask):
    """Reading of the stages of every night, from `hypnogram` or the file beside it."""

    page: NightPage
    hypnogram: Path | None

    def find_stages(
        self, night: Night, recording: Recording, report: NightReport
    ) -> StagedNight:
        """Read the stages of a night."""
        from sleepkit import preprocessing
        from sleepkit.pipelines import StagedNight
        from sleepkit.report._review import all_bad

        path = self.hypnogram or find_expert(night)
        if path is None:
            msg = f"There are no stages of {night.path}; --hypnogram FILE names them."
            raise HypnogramError(msg)
        flags = preprocessing.QualityMask().report(recording)
        stages = self.page.read(path, recording)
        return StagedNight(stages, all_bad(flags, recording.n_epochs))
