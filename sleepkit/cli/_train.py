"""``sleepkit train``: learn from a folder of scored nights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from sleepkit.cli._arguments import count
from sleepkit.cli._folder import add_folder, read_folder
from sleepkit.cli._model import save
from sleepkit.cli._nights import MODALITIES
from sleepkit.cli._pairs import NAMING_RULES
from sleepkit.cli._results import print_files, print_scores
from sleepkit.cli._stagers import METHODS, make_stager
from sleepkit.cli._training import (
    compute_features,
    cross_validate,
    fit_all,
    require_stages,
)

SUMMARY: Final = "learn from a folder of scored nights"
EXAMPLE: Final = f"sleepkit train nights/ --out my.model --scheme rk\n{NAMING_RULES}"


def add_arguments(parser: ArgumentParser) -> None:
    """Take a folder, a file to write, and how to learn."""
    add_folder(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="MODEL", help="the file to write"
    )
    parser.add_argument(
        "--method", choices=METHODS, default="medfusesleep", help="(medfusesleep)"
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="net and training of the size in its paper, which wants a GPU; else a "
        "small net",
    )
    parser.add_argument(
        "--folds",
        type=count(0),
        default=3,
        metavar="N",
        help="of the cross-validation by person; 0 leaves it out (3)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="keeps what is computed of each night, for the next time",
    )


def run(arguments: Namespace) -> None:
    """Read what can be used, score by person, train on all and save."""
    X = read_folder(arguments, MODALITIES)
    require_stages(X)
    method = arguments.method
    with TemporaryDirectory(prefix="sleepkit-") as temporary:
        cache = arguments.cache or temporary
        stager = make_stager(method, cache, published=arguments.published)
        compute_features([stager], X)
        result = None
        people = len(np.unique(X.subject))
        if people == 1:
            print("There is one person only, so no score: scores need people left out.")
        elif arguments.folds > 1:
            result = cross_validate({method: stager}, X, arguments.folds)
            print_scores(result)
        (fitted,) = fit_all([stager], X)
    save(arguments.out, fitted, method, X, result)
    print_files([arguments.out])
