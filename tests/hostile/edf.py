"""EDF and BDF files, and mutants of them in which most hostile values are fields."""

from __future__ import annotations

import numpy as np

from tests.hostile.mutations import ANY, HOSTILE, pick

_FIXED = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)  # widths of the fields of the file
_OF_SIGNALS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_LABELS = ("EEG C3-M2", "EOG E1-M2", "Chin EMG", "Temp", "EDF Annotations")
_N_SAMPLES = (20, 20, 20, 1, 40)
_N_RECORDS = 60  # of one second


def plain(*, kind="EDF+C", gap=0, width=2, n_samples=_N_SAMPLES, n_records=_N_RECORDS):
    """A night of a minute with stages among its annotations.

    A gap of so many seconds is in its middle; samples have so many bytes.
    """
    n_signals = len(_LABELS)
    n_bytes = 256 * (n_signals + 1)
    version = b"0" if width == 2 else b"\xffBIOSEMI"
    start = (b"X", b"Startdate 02-MAR-2020 X X X", b"02.03.20", b"22.00.00")
    values = (version, *start, n_bytes, kind, _N_RECORDS, 1, n_signals)
    header = b"".join(map(_padded, values, _FIXED))
    rows = (_LABELS, "", "uV", -500, 500, -2048, 2047, "", n_samples, "")
    for value, size in zip(rows, _OF_SIGNALS, strict=True):
        cells = value if isinstance(value, tuple) else (value,) * n_signals
        header += b"".join(_padded(cell, size) for cell in cells)
    rng = np.random.default_rng(0)
    return header + b"".join(
        _record(rng, i, gap, width, n_samples) for i in range(n_records)
    )


def _record(rng, number, gap, width, n_samples):
    """One record, with its time stamp and a stage every half minute."""
    digits = rng.integers(-900, 900, sum(n_samples[:-1])).astype("<i4")
    samples = digits.reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    onset = number + gap * (number >= _N_RECORDS // 2)
    stamp = f"+{onset}\x14\x14\0".encode()
    if number % 30 == 0:
        stamp += f"+{onset}\x1530\x14Sleep stage N2\x14\0".encode()
    return samples + stamp.ljust(n_samples[-1] * width, b"\0")


def with_field(content, name, value):
    """A file with another value in a field of its header."""
    first, width = {"record_duration": (244, 8), "n_signals": (252, 4)}[name]
    return content[:first] + _padded(value, width) + content[first + width :]


def _padded(value, width):
    raw = value if isinstance(value, bytes) else str(value).encode()
    return raw[:width].ljust(width)


PLAIN = (plain(), plain(kind="EDF+D", gap=45), plain(kind="BDF+D", gap=30, width=3))


def _fields():
    """First byte and width of each field of the header."""
    n_signals = len(_LABELS)
    widths = [*_FIXED, *(w for w in _OF_SIGNALS for _ in range(n_signals))]
    ends = np.cumsum(widths)
    return list(zip((ends - widths).tolist(), widths, strict=True))


def replace_field(rng, content):
    """Replace a few fields of the header, or one kind of field for all signals."""
    fields = _fields()
    for _ in range(int(rng.integers(1, 4))):
        first, width = pick(rng, fields)
        value = _padded(pick(rng, HOSTILE), width)
        n_times = len(_LABELS) if first >= 256 and rng.random() < 0.3 else 1
        stop = first + n_times * width
        content = content[:first] + (value * n_times) + content[stop:]
    return content


def replace_stamp(rng, content):
    """Replace what follows the plus of a few time stamps or annotations."""
    for _ in range(int(rng.integers(1, 4))):
        places = [i for i in range(1536, len(content)) if content[i] == ord("+")]
        if places:
            place, value = pick(rng, places) + 1, pick(rng, HOSTILE)[:30]
            content = content[:place] + value + content[place + len(value) :]
    return content


def mutant(rng):
    """A mutant of one of the plain files."""
    mutate = pick(rng, (*ANY, *(replace_field,) * 5, replace_stamp))
    return mutate(rng, pick(rng, PLAIN))
