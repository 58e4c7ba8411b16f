"""``sleepkit adapt``: a model trained further on a laboratory's own nights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from sleepkit import pretrained
from sleepkit.cli._arguments import (
    add_folder,
    add_json,
    add_model,
    add_overwrite,
    count,
    read_folder,
)
from sleepkit.cli._models import find_model, load, save_adapted
from sleepkit.cli._output import (
    count_nights,
    make_folder,
    print_files,
    printed_result,
    refuse_existing,
)
from sleepkit.datasets._pairs import NAMING_RULES

EXAMPLE: Final = f"""sleepkit adapt nights/ --out my.model --scheme rk
{NAMING_RULES}

The new nights are mixed with simulated ones, so that stages they lack are kept."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the folder, the model to begin with, and the one to write."""
    add_folder(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="MODEL", help="the file to write"
    )
    add_model(parser, "the model to begin with")
    parser.add_argument(
        "--passes",
        type=count(1),
        default=4,
        metavar="N",
        help="training passes over the nights (4)",
    )
    add_json(parser)
    add_overwrite(parser)


def run(arguments: Namespace) -> None:
    """Read the nights, train further and save."""
    with printed_result(arguments) as found:
        found |= _adapt(arguments)


def _adapt(arguments: Namespace) -> dict[str, Any]:
    """Train further, and return what another program may want to know."""
    out = arguments.out
    refuse_existing([out], overwrite=arguments.overwrite)
    model = load(find_model(arguments.model))
    X, files = read_folder(arguments, model.modalities, exclude=model.exclude)
    make_folder(out.parent)
    pretrained.adapt(model.stager, X, X.hypnogram, max_epochs=arguments.passes)
    save_adapted(out, model, X, files)
    print_files([out])
    return {"model": out, "method": model.method, **count_nights(X)}
