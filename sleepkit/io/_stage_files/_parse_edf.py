"""Hypnograms as EDF+ annotations, in a separate file or beside the signals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import edfio

from sleepkit.exceptions import HypnogramError
from sleepkit.io._edf_header import edf_start
from sleepkit.io._scoring import Label, Scoring

# Errors of edfio on damaged files, its own unbound variable included.
_DAMAGE: Final = (ValueError, LookupError, ArithmeticError, UnboundLocalError)
_ASCII: Final = bytes(range(128)) + b"?" * 128


def parse_edf(path: Path) -> Scoring:
    """Read the annotations; those that name no stage count as events."""
    with path.open("rb") as file:
        read = edfio.read_bdf if file.read(1) == b"\xff" else edfio.read_edf
    with warnings.catch_warnings():
        # such as of an incomplete last record, which matters only for signals
        warnings.simplefilter("ignore")
        try:
            edf = read(path, header_encoding="latin-1")
            annotations = _annotations(edf, path, read)
        except _DAMAGE as error:
            msg = f"the EDF file must be whole; {error}."
            raise HypnogramError(msg) from error
    labels = [
        Label(onset, duration, text, f"annotation {index}")
        for index, (onset, duration, text) in enumerate(annotations, 1)
    ]
    return Scoring(labels, has_events=True, start=edf_start(edf))


def _annotations(
    edf: edfio.Edf | edfio.Bdf,
    path: Path,
    read: Callable[[bytes], edfio.Edf | edfio.Bdf],
) -> Sequence[edfio.EdfAnnotation]:
    """Annotations; bytes that are not UTF-8 are replaced."""
    try:
        return edf.annotations
    except UnicodeDecodeError:
        # Latin-1, against the standard. Names of stages are ASCII.
        return read(path.read_bytes().translate(_ASCII)).annotations
