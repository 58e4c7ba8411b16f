"""Header of an EDF or BDF file, read without the samples.

Writers fill fields with NUL instead of blanks, write decimal commas, and damage fields
that do not matter. What is damaged in one channel belongs to that channel.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from sleepkit._messages import printable
from sleepkit.exceptions import RecordingError
from sleepkit.io._edf_start import parse_start
from sleepkit.io._limits import MAX_SIGNALS
from sleepkit.utils import FileState, file_state, open_regular

_BDF_START: Final = b"\xffBIOSEMI"
_FIXED: Final = 256  # bytes before the fields of the signals, and of each signal
_RECORDING: Final = slice(88, 168)
_DATE, _TIME, _RESERVED = slice(168, 176), slice(176, 184), slice(192, 236)
_N_RECORDS, _RECORD_DURATION = slice(236, 244), slice(244, 252)
_N_SIGNALS: Final = slice(252, 256)
_LABEL, _UNIT = slice(0, 16), slice(96, 104)  # bytes of one signal's fields
_RANGES: Final = (
    slice(104, 112),
    slice(112, 120),
    slice(120, 128),
    slice(128, 136),
)
_N_SAMPLES: Final = slice(216, 224)
_ANNOTATIONS: Final = re.compile(r"(edf|bdf)[\W_]*annotations?[\W\d_]*", re.IGNORECASE)


class EdfSignal(NamedTuple):
    """Fields of one signal; a number is NaN where its field is damaged."""

    label: str
    unit: str
    physical_min: float
    physical_max: float
    digital_min: float
    digital_max: float
    n_samples: int  # in a data record

    @property
    def is_annotation(self) -> bool:
        """Whether it holds annotations, not samples."""
        return _ANNOTATIONS.fullmatch(self.label) is not None

    @property
    def is_damaged(self) -> bool:
        """Whether the fields that scale its samples are damaged, or equal."""
        is_flat = (
            self.physical_min == self.physical_max
            or self.digital_min == self.digital_max
        )
        return is_flat or any(map(math.isnan, self[2:6]))


@dataclass(frozen=True)
class EdfHeader:
    """Header of an EDF or BDF file; `signals` include those that hold annotations."""

    path: Path
    state: FileState
    n_bytes: int
    sample_bytes: int
    n_records: int  # as declared; -1 if that is unknown
    record_duration: float
    start: datetime | None  # without the fraction of a second of EDF+
    may_have_gaps: bool  # as declared by EDF+D
    signals: tuple[EdfSignal, ...]

    @property
    def has_signals(self) -> bool:
        """Whether it declares any; an EDF+ file may hold annotations alone."""
        return not all(signal.is_annotation for signal in self.signals)

    @property
    def record_bytes(self) -> int:
        """Size of one data record in bytes."""
        return sum(signal.n_samples for signal in self.signals) * self.sample_bytes

    def byte_range(self, number: int) -> slice:
        """Bytes of one signal in a data record."""
        before = sum(signal.n_samples for signal in self.signals[:number])
        start = before * self.sample_bytes
        return slice(start, start + self.signals[number].n_samples * self.sample_bytes)


def is_edf(path: Path) -> bool:
    """Whether the content of a file begins like EDF or BDF; the suffix is ignored."""
    with open_regular(path) as file:
        version: bytes = file.read(8)
    return version == _BDF_START or version.strip(b" \0") == b"0"


def read_edf_header(path: Path) -> EdfHeader:
    """Read the header of an EDF, EDF+, BDF or BDF+ file."""
    with open_regular(path) as file:
        state = file_state(file)
        raw = file.read(_FIXED)
        try:
            n_signals = _whole(raw[_N_SIGNALS], "number of signals")
            if n_signals > MAX_SIGNALS:
                msg = f"it has {n_signals} signals, more than {MAX_SIGNALS}"
                raise ValueError(msg)
            raw += file.read(_FIXED * n_signals)
            if len(raw) < _FIXED * (n_signals + 1):
                msg = f"it ends within the fields of its {n_signals} signals"
                raise ValueError(msg)
            header = _parse(path, state, raw, n_signals)
        except ValueError as error:
            msg = f"{path} has a damaged EDF header: {error}."
            raise RecordingError(msg) from error
    if header.record_bytes > state.size - header.n_bytes:
        msg = f"{path} ends before its first data record is complete."
        raise RecordingError(msg)
    return header


def _parse(path: Path, state: FileState, raw: bytes, n_signals: int) -> EdfHeader:
    """Parse the fields; errors are those that concern the whole file."""
    encoding = _encoding(raw)
    recording, day, clock, reserved = (
        _text(raw[field], encoding) for field in (_RECORDING, _DATE, _TIME, _RESERVED)
    )
    n_records = _number(raw[_N_RECORDS])
    return EdfHeader(
        path=path,
        state=state,
        n_bytes=len(raw),
        sample_bytes=3 if raw.startswith(_BDF_START) else 2,
        n_records=-1 if math.isnan(n_records) else int(n_records),
        record_duration=_number(raw[_RECORD_DURATION]),
        start=parse_start(recording, day, clock),
        may_have_gaps=reserved.upper().startswith(("EDF+D", "BDF+D")),
        signals=tuple(_signal(raw, n_signals, i, encoding) for i in range(n_signals)),
    )


def _signal(raw: bytes, n_signals: int, number: int, encoding: str) -> EdfSignal:
    """Parse the fields of one signal; the header stores each field for all signals."""

    def field(place: slice) -> bytes:
        width = place.stop - place.start
        start = _FIXED + n_signals * place.start + number * width
        return raw[start : start + width]

    label = _text(field(_LABEL), encoding)
    owner = f"number of samples of signal {number + 1}, {label!r},"
    physical_min, physical_max, digital_min, digital_max = (
        _number(field(place)) for place in _RANGES
    )
    return EdfSignal(
        label=label,
        unit=_text(field(_UNIT), encoding),
        physical_min=physical_min,
        physical_max=physical_max,
        digital_min=digital_min,
        digital_max=digital_max,
        n_samples=_whole(field(_N_SAMPLES), owner),
    )


def _text(field: bytes, encoding: str) -> str:
    """Text of a field up to its end, a NUL where the writer left one."""
    start = field.lstrip(b"\0 ")
    text = start.partition(b"\0")[0].decode(encoding, errors="replace")
    return printable(text.strip())  # what a terminal would obey belongs to no label


def _number(field: bytes) -> float:
    """Parse a number with a decimal point or comma; NaN for anything else."""
    try:
        number = float(_text(field, "ascii").replace(",", "."))
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _whole(field: bytes, name: str) -> int:
    """Parse a whole number >= 0 without which the file has no layout."""
    number = _number(field)
    if not (0 <= number < 10 ** len(field) and number.is_integer()):
        msg = f"the {name} must be a whole number; got {_text(field, 'latin-1')!r}"
        raise ValueError(msg)
    return int(number)


def _encoding(raw: bytes) -> str:
    """UTF-8 if the header is valid UTF-8 (ASCII is the standard), else Latin-1."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
