"""``sleepkit pretrain``: the stagers that come with sleepkit."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from sleepkit import pretrained
from sleepkit.cli._arguments import add_json, add_overwrite, count
from sleepkit.cli._output import (
    make_folder,
    print_files,
    printed_result,
    refuse_existing,
)

EXAMPLE: Final = """sleepkit pretrain --nights sleep_edf/nights --out models/

It simulates nights, reads the real feature nights of the folder, trains, and writes
default.model, bands.model and a card of each. Members that are trained, and the passes
of one that is not, are kept in --work: the same command goes on after an interrupt."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the folders and the seed."""
    parser.add_argument(
        "--nights",
        type=Path,
        metavar="FOLDER",
        help="real feature nights (.npz) of Sleep-EDF Expanded",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where the models and cards go",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="FOLDER",
        help="keeps intermediate results (work, in the folder of the models)",
    )
    parser.add_argument(
        "--jobs",
        type=count(1),
        default=2,
        metavar="N",
        help="members to train side by side (2)",
    )
    parser.add_argument("--seed", type=count(0), default=0, help="seed (0)")
    add_json(parser)
    add_overwrite(parser)


def run(arguments: Namespace) -> None:
    """Train the stagers, and print the files."""
    with printed_result(arguments) as found:
        found["files"] = list(map(str, _pretrain(arguments)))


def _pretrain(arguments: Namespace) -> list[Path]:
    """Train the stagers, and return the files."""
    out = arguments.out
    files = [out / f"{n}.{s}" for n in pretrained.MODELS for s in ("model", "md")]
    refuse_existing(files, overwrite=arguments.overwrite)
    make_folder(out)
    written = pretrained.pretrain(
        arguments.nights,
        out,
        work=arguments.work,
        seed=arguments.seed,
        n_jobs=arguments.jobs,
    )
    print_files(written)
    return written
