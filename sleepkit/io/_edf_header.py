"""Header of an EDF or BDF file, read without the samples."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import edfio

from sleepkit.exceptions import RecordingError

_BDF_START: Final = b"\xffBIOSEMI"
_LABEL, _N_SAMPLES = slice(0, 16), slice(216, 224)  # bytes of one signal's fields
_N_RECORDS, _RECORD_DURATION = slice(236, 244), slice(244, 252)
_ANNOTATIONS: Final = (b"EDF Annotations", b"BDF Annotations")
_PLACEHOLDER: Final = datetime(1985, 1, 1)  # EDF+ uses it for a missing date


@dataclass(frozen=True)
class EdfHeader:
    """Header of an EDF or BDF file, with its fields as parsed by edfio.

    `counts` is the number of samples of each signal in a data record, annotations
    included; `is_annotation` marks the signals that hold annotations. `edf` has the
    other signals.
    """

    path: Path
    edf: edfio.Edf | edfio.Bdf
    n_bytes: int
    sample_bytes: int
    n_records: int
    counts: tuple[int, ...]
    is_annotation: tuple[bool, ...]

    @property
    def signals(self) -> list[edfio.EdfSignal | edfio.BdfSignal]:
        """Signals that hold no annotations."""
        return [*self.edf.signals]

    @property
    def record_bytes(self) -> int:
        """Size of one data record in bytes."""
        return sum(self.counts) * self.sample_bytes


def is_edf(path: Path) -> bool:
    """Whether the content of a file begins like EDF or BDF; the suffix is ignored."""
    with path.open("rb") as file:
        version = file.read(8)
    return version == _BDF_START or version.strip(b" \0") == b"0"


def edf_start(edf: edfio.Edf | edfio.Bdf) -> datetime | None:
    """Time of the first sample by the header, None if the time of day is missing.

    A missing or damaged date becomes 1 January 1985, since the time of day is useful
    without it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # if two dates differ, the one of EDF+ counts
        try:
            start = datetime.combine(_date(edf), edf.starttime)
        except (ValueError, IndexError):
            return None
    return None if start == _PLACEHOLDER else start


def read_edf_header(path: Path) -> EdfHeader:
    """Read the header of an EDF, EDF+, BDF or BDF+ file."""
    try:
        return _read(path)
    except RecordingError:
        raise
    except ValueError as error:
        msg = f"{path} has a damaged EDF header: {error}"
        raise RecordingError(msg) from error


def _date(edf: edfio.Edf | edfio.Bdf) -> date:
    """Start date, or the placeholder if it is missing."""
    try:
        return edf.startdate
    except ValueError:
        return _PLACEHOLDER.date()


def _read(path: Path) -> EdfHeader:
    """Read the header; errors of damaged fields pass through."""
    with path.open("rb") as file:
        raw = file.read(256)
        n_signals = int(raw[252:256])
        raw += file.read(256 * n_signals)
        counts = tuple(map(int, _fields(raw, n_signals, _N_SAMPLES)))
        sample_bytes = 3 if raw.startswith(_BDF_START) else 2
        # In EDF+ the first record holds the fraction of a second of the start time.
        size = sum(counts) * sample_bytes
        record = file.read(size).ljust(size, b"\0")
    labels = [field.rstrip() for field in _fields(raw, n_signals, _LABEL)]
    is_annotation = tuple(label in _ANNOTATIONS for label in labels)
    if all(is_annotation):
        msg = f"{path} holds no signals. If it is a hypnogram, use read_hypnogram."
        raise RecordingError(msg)
    if not 0 < float(raw[_RECORD_DURATION]) < math.inf:
        msg = f"a data record must last a time > 0; got {raw[_RECORD_DURATION]!r}"
        raise ValueError(msg)
    edf = _parse(raw, record)
    for signal in edf.signals:  # edfio parses them lazily: find damage here
        _ = signal.physical_range, signal.digital_range
    return EdfHeader(
        path=path,
        edf=edf,
        n_bytes=len(raw),
        sample_bytes=sample_bytes,
        n_records=int(raw[_N_RECORDS]),
        counts=counts,
        is_annotation=is_annotation,
    )


def _fields(raw: bytes, n_signals: int, field: slice) -> list[bytes]:
    """One field of every signal; the header stores it for all signals in a row."""
    width = field.stop - field.start
    start = 256 + n_signals * field.start
    return [raw[i : i + width] for i in range(start, start + n_signals * width, width)]


def _parse(raw: bytes, record: bytes) -> edfio.Edf | edfio.Bdf:
    """Parse the fields with edfio, as if the file had one record."""
    one_record = raw[: _N_RECORDS.start] + b"1       " + raw[_N_RECORDS.stop :]
    file = io.BytesIO(one_record + record)
    encoding = _encoding(raw)
    if raw.startswith(_BDF_START):
        return edfio.read_bdf(file, header_encoding=encoding)
    return edfio.read_edf(file, header_encoding=encoding)


def _encoding(raw: bytes) -> str:
    """UTF-8 if the header is valid UTF-8 (ASCII is the standard), else Latin-1."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
