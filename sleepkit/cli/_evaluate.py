"""``sleepkit evaluate``: how well a model stages nights that were scored."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from sleepkit.cli._folder import add_folder, read_folder
from sleepkit.cli._model import open_model
from sleepkit.cli._pairs import NAMING_RULES
from sleepkit.cli._results import make_folder, print_files, print_scores
from sleepkit.evaluation import evaluate_staging

SUMMARY: Final = "score a model on a folder of scored nights"
EXAMPLE: Final = f"sleepkit evaluate nights/ --model my.model\n{NAMING_RULES}"


def add_arguments(parser: ArgumentParser) -> None:
    """Take a folder and a model."""
    add_folder(parser)
    parser.add_argument("--model", type=Path, required=True, help="the model to score")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where scores.csv, predictions.npz and protocol.json go",
    )


def run(arguments: Namespace) -> None:
    """Stage nights of people whom the model has not met, and compare."""
    model = open_model(arguments.model)
    X, _ = read_folder(arguments, model.modalities, is_known=model.has_met)
    if arguments.out is not None:
        make_folder(arguments.out)
    result = evaluate_staging(
        {model.method: model.stager},
        X,
        X.hypnogram,
        subsets="drop_one",
    )
    print_scores(result)
    if arguments.out is not None:
        print_files(result.save(arguments.out))
