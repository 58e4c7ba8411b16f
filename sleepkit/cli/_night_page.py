"""Report of a night as a page, with the expert's stages where there are any."""

from __future__ import annotations

import warnings
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepkit import io, utils
from sleepkit import report as pages
from sleepkit.cli._messages import describe
from sleepkit.cli._night_report import NightReport
from sleepkit.cli._nights import Night
from sleepkit.datasets._pairs import find_hypnogram
from sleepkit.exceptions import SleepkitError, SleepkitWarning

if TYPE_CHECKING:
    from sleepkit.hypnogram import Hypnogram
    from sleepkit.persistence import ModelCard
    from sleepkit.pipelines import StagedNight
    from sleepkit.recording import Recording


def add_expert(parser: ArgumentParser) -> None:
    """Add the expert's stages that a report compares with."""
    parser.add_argument(
        "--expert",
        type=Path,
        metavar="FILE",
        help="the expert's hypnogram, for the report of one night (the file beside "
        "NIGHT that is named as `sleepkit train` expects it)",
    )
    parser.add_argument(
        "--scheme",
        choices=io.SCHEMES,
        help="what integers in the hypnograms mean (needed where labels are integers)",
    )


def find_expert(night: Night) -> Path | None:
    """Find the expert's hypnogram of a night by its name."""
    return night.hypnogram or find_hypnogram(night.path)


@dataclass(frozen=True)
class NightPage:
    """What the page of each night says beside its stages."""

    expert: Path | None = None
    scheme: str | None = None
    stager: Any = None  # one that takes any subset of its modalities
    card: ModelCard | None = None
    search: bool = True  # for the expert's hypnogram, by its name
    scored: Path | None = None  # the file whose stages the report is of

    @classmethod
    def from_arguments(cls, arguments: Namespace, **values: Any) -> NightPage:
        """Require what pages are made of, before the first night is read."""
        for package in ("jinja2", "matplotlib.figure"):
            utils.optional_import(package, extra="report")
        return cls(arguments.expert, arguments.scheme, **values)

    def with_expert(self, night: Night, recording: Recording) -> Recording:
        """Add the expert's stages; a file that was only found may be unreadable."""
        path = self.expert or (find_expert(night) if self.search else None)
        if path is None or path == self.scored:
            return recording
        try:
            stages = self.read(path, recording).stages
        except (OSError, SleepkitError) as error:
            if self.expert is not None:
                raise
            msg = f"The expert's hypnogram {path.name} is left out: {describe(error)}"
            warnings.warn(msg, SleepkitWarning, stacklevel=2)
            return recording
        return recording.replace(hypnogram=stages)

    def read(self, path: Path, recording: Recording) -> Hypnogram:
        """Read the stages of a file, on the epochs of the recording."""
        found = io.read_hypnogram(path, scheme=self.scheme)
        return found.align_to(recording)

    def write(
        self, report: NightReport, staged: StagedNight, recording: Recording
    ) -> str:
        """Write the page of a night."""
        return pages.night_report(
            staged,
            recording,
            stager=self.stager,
            missing=report.missing,
            warnings=[report.without_folder(text) for text in report.warnings],
            card=self.card,
        )
