"""``sleepkit export``: a model as an ONNX file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sleepkit import export
from sleepkit.cli._arguments import add_any_model, add_overwrite
from sleepkit.cli._models import find_model
from sleepkit.cli._output import make_folder, print_files, refuse_existing

EXAMPLE: Final = """sleepkit export my.model --onnx my.onnx
  sleepkit export default --onnx default.onnx --sfreq 100
  sleepkit export my.model --onnx my-int8.onnx --int8

Without --sfreq the graph takes what the net of the model takes, such as scaled spectra;
with it, whole recordings at this rate. It needs the extra onnx."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the model, the file, and what the graph takes."""
    add_any_model(parser)
    parser.add_argument(
        "--onnx", type=Path, required=True, metavar="FILE", help="the file to write"
    )
    parser.add_argument(
        "--sfreq",
        type=float,
        metavar="HZ",
        help="sampling rate of the signals, with which the graph begins",
    )
    parser.add_argument(
        "--int8", action="store_true", help="weights and products in int8"
    )
    add_overwrite(parser)


def run(arguments: Namespace) -> None:
    """Load a model, and write it as a graph."""
    from sleepkit.persistence._model_file import read_model  # torch: help needs none

    out = arguments.onnx
    refuse_existing([out], overwrite=arguments.overwrite)
    place = find_model(arguments.model)
    stager, info, sha256 = read_model(place)
    about = {"source_sha256": sha256}
    if isinstance(place, str):  # an address
        about["source"] = str(place)
    if method := info["about"].get("method"):
        about["method"] = str(method)
    make_folder(out.parent)
    with TemporaryDirectory(dir=out.parent, prefix=".sleepkit-") as folder:
        part = Path(folder, "float32.onnx")
        export.to_onnx(stager, part, sfreq=arguments.sfreq, about=about)
        if arguments.int8:
            export.quantize(part, out)
        else:
            part.replace(out)
    print_files([out])
