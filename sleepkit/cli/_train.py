"""``sleepkit train``: learn from a folder of scored nights."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from errno import EISDIR
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from sleepkit.cli._arguments import folds
from sleepkit.cli._folder import add_folder, read_folder
from sleepkit.cli._model import save
from sleepkit.cli._nights import MODALITIES
from sleepkit.cli._pairs import NAMING_RULES
from sleepkit.cli._results import make_folder, print_files, print_scores
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
        type=folds,
        default=3,
        metavar="N",
        help="of the cross-validation by person, of whom each is tested once; 0 leaves "
        "it out (3, or one for each of fewer people)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="keeps what is computed of each night and fold, for the next time",
    )


def run(arguments: Namespace) -> None:
    """Read what can be used, score by person, train on all and save."""
    X, files = read_folder(arguments, MODALITIES)
    require_stages(X)
    _require_place(arguments.out)
    method = arguments.method
    with TemporaryDirectory(prefix="sleepkit-") as temporary:
        cache = arguments.cache or temporary
        stager = make_stager(method, cache, published=arguments.published)
        compute_features([stager], X)
        result = None
        people = len(np.unique(X.subject))
        if people == 1:
            print("There is one person only, so no score: scores need people left out.")
        elif arguments.folds:
            result = cross_validate(
                {method: stager}, X, arguments.folds, arguments.cache
            )
            print_scores(result)
        (fitted,) = fit_all([stager], X)
    save(arguments.out, fitted, method, X, result, files)
    print_files([arguments.out])


def _require_place(path: Path) -> None:
    """Refuse a file that cannot be written before the training, not after it."""
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    make_folder(path.parent)
