"""``sleepkit card``: what a model is, was trained on, needs and reaches."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from sleepkit import persistence, utils
from sleepkit.cli._arguments import add_any_model, add_overwrite
from sleepkit.cli._models import find_model
from sleepkit.cli._output import make_folder, print_files, refuse_existing

EXAMPLE: Final = """sleepkit card default
  sleepkit card my.model --html --out my-model.html"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the model, and where its card goes."""
    add_any_model(parser)
    parser.add_argument(
        "--html", action="store_true", help="a page of HTML instead of Markdown"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the file to write (prints the card)"
    )
    add_overwrite(parser)


def run(arguments: Namespace) -> None:
    """Print the card of a model, or write it to a file."""
    out = arguments.out
    if out is not None:
        refuse_existing([out], overwrite=arguments.overwrite)
    card = persistence.model_card(find_model(arguments.model))
    text = card.to_html() if arguments.html else card.to_markdown()
    if out is None:
        print(text)
        return
    make_folder(out.parent)
    utils.write_atomically(out, f"{text}\n".encode())
    print_files([out])
