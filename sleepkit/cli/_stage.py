"""``sleepkit stage``: the hypnograms of nights."""

from __future__ import annotations

import gc
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sleepkit import persistence, utils
from sleepkit.cli._arguments import (
    MODALITIES,
    add_jobs,
    add_model,
    add_nights,
    add_overwrite,
)
from sleepkit.cli._messages import collect_notes, print_failures
from sleepkit.cli._models import Model, find_model, load
from sleepkit.cli._night_page import NightPage, add_expert
from sleepkit.cli._night_report import (
    NightReport,
    print_staged,
    to_json,
    write_index,
    write_summary,
)
from sleepkit.cli._night_task import NightTask
from sleepkit.cli._nights import Night, find_nights, is_batch
from sleepkit.cli._output import (
    FORMATS,
    make_folder,
    refuse_existing,
)
from sleepkit.cli._staging_task import StagingTask
from sleepkit.exceptions import ChannelError, HypnogramError, SleepkitWarning
from sleepkit.pipelines._stagers import takes_any_subset

EXAMPLE: Final = """sleepkit stage night.edf --out results/
  sleepkit stage nights/ --model my.model --out results/ --jobs 4

One night that is named gives NIGHT-hypnogram.csv, .edf and .png. Several nights, or a
folder, give these for each, in folders as they are below FOLDER, and summary.csv with
a line for each night: statistics, confidence, channels, warnings, or the error. A
night that fails does not stop the others; the exit code is 1 if one failed."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the nights, the model and the place of the results."""
    add_nights(parser)
    add_model(parser, "the model that stages")
    parser.add_argument(
        "--without",
        nargs="+",
        choices=MODALITIES,
        default=[],
        metavar="MODALITY",
        help="leave out a modality, e.g. after an electrode failure",
    )
    _add_results(parser)
    parser.add_argument(
        "--report",
        action="store_true",
        help="also write NIGHT-report.html, and index.html of several nights",
    )
    add_expert(parser)
    add_jobs(parser)


def _add_results(parser: ArgumentParser) -> None:
    """Add the place of the results, and which they are."""
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where NIGHT-hypnogram.csv, .edf and .png go, and summary.csv",
    )
    parser.add_argument(
        "--format",
        nargs="+",
        choices=FORMATS,
        default=["csv", "edf", "png"],
        help="files to write for each night (csv edf png)",
    )
    add_overwrite(parser)


def run(arguments: Namespace) -> bool:
    """Stage nights with a trained model; return whether one failed."""
    if arguments.expert is not None and not arguments.report:
        msg = "--expert is compared with in the report; it needs --report."
        raise HypnogramError(msg)
    return run_task(_make_task, arguments, page=arguments.report)


def run_task(
    make_task: Callable[[Namespace], NightTask], arguments: Namespace, *, page: bool
) -> bool:
    """Do a task with every night; return whether one failed."""
    nights = find_nights(arguments.nights)
    tables = []
    if is_batch(arguments.nights):
        tables = [arguments.out / name for name in ("summary.csv", "index.html")]
        tables = tables if page else tables[:1]
        refuse_existing(tables, overwrite=arguments.overwrite)
        make_folder(arguments.out)
        _refuse_one_expert(arguments)
    with _paused_collector():
        task = make_task(arguments)
        if not tables and not arguments.json:
            _stage_one(task, nights[0])
            return False
    reports = _stage_all(task, nights, tables, arguments)
    if tables and not arguments.json:
        n_files = sum(len(report.outputs) for report in reports)
        print(f"Written: {', '.join(map(str, tables))}, and {n_files} files of nights")
    errors = {report.file: report.error for report in reports if report.error}
    return print_failures(errors, len(nights))


def _refuse_one_expert(arguments: Namespace) -> None:
    """Refuse one hypnogram for several nights."""
    for name in ("expert", "hypnogram"):
        if getattr(arguments, name, None) is not None:
            msg = f"--{name} is for one NIGHT; those of several are found by name."
            raise HypnogramError(msg)


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Pause the garbage collector: it takes an eighth of the time of large imports."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _make_task(arguments: Namespace) -> StagingTask:
    """Load the model, and choose its modalities and channels."""
    path = find_model(arguments.model)
    model = load(path)
    summary = model.about.get("summary", model.method)
    if arguments.model is None and not arguments.json:
        print(summary)
    elif arguments.model is None and not arguments.quiet:
        print(summary, file=sys.stderr)  # not among what another program reads
    modalities = [m for m in model.modalities if m not in arguments.without]
    if not modalities:
        msg = (
            f"Nothing is left to stage by: {path} was trained on "
            f"{', '.join(model.modalities)}."
        )
        raise ChannelError(msg)
    named = dict(arguments.channels)
    return StagingTask(
        model=model,
        modalities=modalities,
        channels={name: named[name] for name in named if name in modalities},
        units=dict(arguments.units),
        out=arguments.out,
        formats=arguments.format,
        overwrite=arguments.overwrite,
        page=_make_page(arguments, model, path) if arguments.report else None,
    )


def _make_page(arguments: Namespace, model: Model, path: str | Path) -> NightPage:
    """Say what the reports tell of the model."""
    return NightPage.from_arguments(
        arguments,
        stager=model.stager if takes_any_subset(model.stager) else None,
        card=persistence.model_card(path),
    )


def _stage_one(task: NightTask, night: Night) -> None:
    """Stage the only night, whose errors are those of the command."""
    report = NightReport(night.path, night.name)
    try:
        with collect_notes() as report.reader_notes:
            task.stage(night, report)
    finally:
        for note in report.reader_notes:
            warnings.warn(note, SleepkitWarning, stacklevel=2)
    print_staged(report)


def _stage_all(
    task: NightTask,
    nights: Sequence[Night],
    tables: Sequence[Path],
    arguments: Namespace,
) -> list[NightReport]:
    """Stage nights and print a line for each; an interrupt keeps the finished ones."""
    from tqdm import tqdm

    reports: list[NightReport] = []
    try:
        with closing(_run_all(task, nights, arguments.jobs)) as finished:
            for report in utils.progress_bar(finished, "nights", total=len(nights)):
                reports.append(report)
                line = to_json(report) if arguments.json else str(report)
                tqdm.write(line, file=sys.stdout)
                sys.stdout.flush()
    except KeyboardInterrupt as stop:
        stop.add_note(f"{len(reports)} of {len(nights)} nights are done.")
        raise
    finally:
        order = {night.path: number for number, night in enumerate(nights)}
        reports.sort(key=lambda report: order[report.file])
        for path in tables:
            if path.suffix == ".csv":
                write_summary(path, reports, task.columns)
            else:
                write_index(path, reports)
    return reports


def _run_all(
    task: NightTask, nights: Sequence[Night], n_jobs: int
) -> Generator[NightReport, None, None]:
    """Yield the report of each night when it is finished."""
    if n_jobs == 1:
        yield from map(task.run, nights)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        yield from parallel(delayed(task.run)(night) for night in nights)
