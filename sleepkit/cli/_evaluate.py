"""``sleepkit evaluate``: scores of a model on scored nights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from sleepkit import evaluation
from sleepkit.cli._arguments import (
    add_folder,
    add_json,
    add_model,
    add_overwrite,
    add_trim,
)
from sleepkit.cli._models import find_model, load
from sleepkit.cli._output import (
    count_nights,
    make_folder,
    print_files,
    print_scores,
    printed_result,
    refuse_existing,
    score_rows,
)
from sleepkit.cli._store import read_nights
from sleepkit.datasets._pairs import NAMING_RULES
from sleepkit.pipelines._night_steps import without_steps
from sleepkit.pipelines._stagers import takes_any_subset

EXAMPLE: Final = f"""sleepkit evaluate nights/ --model my.model
  sleepkit evaluate nights/ --model default --scheme rk
{NAMING_RULES}"""
_OUTPUTS: Final = ("scores.csv", "predictions.npz", "protocol.json")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the folder, the model and the place of the results."""
    add_folder(parser)
    add_model(parser, "the model to score", required=True)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where scores.csv, predictions.npz and protocol.json go",
    )
    add_trim(parser)
    add_json(parser)
    add_overwrite(parser)


def run(arguments: Namespace) -> None:
    """Stage the nights of held-out subjects, and print the scores."""
    with printed_result(arguments) as found:
        found |= _evaluate(arguments)


def _evaluate(arguments: Namespace) -> dict[str, Any]:
    """Print the scores, and return what another program may want to know."""
    if arguments.out is not None:
        outputs = [arguments.out / name for name in _OUTPUTS]
        refuse_existing(outputs, overwrite=arguments.overwrite)
    model = load(find_model(arguments.model))
    nights = read_nights(arguments, model.modalities, exclude=model.exclude)
    if arguments.out is not None:
        make_folder(arguments.out)
    stager = without_steps(model.stager, nights.taken)
    result = evaluation.evaluate_staging(
        {model.method: stager},
        nights.X,
        nights.X.hypnogram,
        subsets="drop_one" if takes_any_subset(stager) else None,
        window=nights.window,
    )
    print_scores(result)
    files = [] if arguments.out is None else result.save(arguments.out)
    if files:
        print_files(files)
    return {
        "model": str(arguments.model),
        "method": model.method,
        **count_nights(nights.X),
        "scoring_window": result.protocol["scoring_window"],
        "scores": score_rows(result),
        "files": list(map(str, files)),
    }
