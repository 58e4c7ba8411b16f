"""``sleepkit demo``: simulate, train, score and stage."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from sleepkit import datasets, evaluation, pipelines, recording
from sleepkit.cli._arguments import MODALITIES, add_json, add_overwrite, count, hours
from sleepkit.cli._models import save
from sleepkit.cli._output import (
    make_folder,
    print_files,
    print_scores,
    printed_result,
    refuse_existing,
    result_paths,
    score_rows,
    write_results,
)
from sleepkit.cli._train import compute_features, cross_validate, fit_all

if TYPE_CHECKING:
    from sleepkit.recording import EpochArray, Recording

_METHODS: Final = ("medfusesleep", "sleepmg")
_N_FOLDS: Final = 3
EXAMPLE: Final = "sleepkit demo"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the place of the results and the size of the cohort."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sleepkit-demo"),
        metavar="FOLDER",
        help="where the results go (./sleepkit-demo)",
    )
    parser.add_argument(
        "--subjects",
        type=count(4),
        default=11,
        metavar="N",
        help="subjects to simulate (11)",
    )
    parser.add_argument(
        "--hours", type=hours, default=2.5, help="length of their nights (2.5)"
    )
    add_json(parser)
    add_overwrite(parser)


def run(arguments: Namespace) -> None:
    """Simulate subjects, train on all but one, and stage that one's night."""
    outputs = result_paths(arguments.out / "night", ("csv", "edf", "png"))
    models = [arguments.out / f"{method}.model" for method in _METHODS]
    refuse_existing([*outputs.values(), *models], overwrite=arguments.overwrite)
    make_folder(arguments.out)
    with printed_result(arguments) as found:
        found |= _demonstrate(arguments, outputs, models)


def _demonstrate(
    arguments: Namespace, outputs: Mapping[str, Path], models: Sequence[Path]
) -> dict[str, Any]:
    """Print what is done, and return what another program may want to know."""
    X, held_out = _simulate(arguments.subjects, arguments.hours)
    with TemporaryDirectory(prefix="sleepkit-") as cache:
        stagers = {
            method: pipelines.make_stager(method, cache=cache, random_state=0)
            for method in _METHODS
        }
        compute_features(stagers.values(), X)
        print("Cross-validation by subject, on held-out subjects:")
        result = cross_validate(stagers, X, _N_FOLDS, subsets="every")
        print_scores(result)
        fitted = dict(zip(_METHODS, fit_all(stagers.values(), X), strict=True))
        print(f"The night of {held_out.subject}, held out of all training:")
        night = recording.EpochArray([held_out])
        of_night = evaluation.evaluate_staging(fitted, night, night.hypnogram)
        print_scores(of_night)
        staged = pipelines.stage_night(fitted[_METHODS[0]], held_out)
    files = write_results(outputs, held_out, staged)
    for model, (method, stager) in zip(models, fitted.items(), strict=True):
        save(model, stager, method, X, result)
    files = [*files, *models]
    print_files(files)
    print(f"Your own night: sleepkit stage NIGHT.edf --model {models[0]} --out FOLDER")
    return {
        "scores": score_rows(result),
        "night": {"subject": held_out.subject, "scores": score_rows(of_night)},
        "files": list(map(str, files)),
    }


def _simulate(n_subjects: int, n_hours: float) -> tuple[EpochArray, Recording]:
    """Simulate the nights to train on, and one of a held-out subject."""
    print(
        f"Simulating {n_subjects} subjects, a night of {n_hours:g} h each. The last "
        "one is held out."
    )
    cohort, _, _ = datasets.make_polysomnography(
        n_subjects, hours=n_hours, modalities=MODALITIES, random_state=0
    )
    *nights, held_out = cohort.recordings
    return recording.EpochArray(nights), held_out.load()
