"""Fixtures: EDF and BDF files, written byte by byte so that they can be wrong; rows."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.io import read_hypnogram

HEADER = {  # field: (first byte, width)
    "version": (0, 8),
    "patient": (8, 80),
    "recording": (88, 80),
    "startdate": (168, 8),
    "starttime": (176, 8),
    "n_bytes": (184, 8),
    "reserved": (192, 44),
    "n_records": (236, 8),
    "record_duration": (244, 8),
    "n_signals": (252, 4),
}
WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)


def padded(text, width):
    """A header field."""
    raw = text if isinstance(text, bytes) else str(text).encode("latin-1")
    assert len(raw) <= width
    return raw.ljust(width)


class Channel:
    """A channel of the file to write; its digits are random unless they are given."""

    def __init__(
        self,
        label="C3-M2",
        sfreq=100,
        unit="uV",
        physical=(-500, 500),
        digital=(-32768, 32767),
        digits=None,
    ):
        self.label, self.sfreq, self.unit = label, sfreq, unit
        self.physical, self.digital, self.digits = physical, digital, digits

    def fields(self, n_samples):
        return (
            self.label,
            "",
            self.unit,
            *self.physical,
            *self.digital,
            "",
            n_samples,
            "",
        )

    def values(self, scale=1.0):
        """What a reader should return: the definition of EDF, in float64."""
        gain = (self.physical[1] - self.physical[0]) / (
            self.digital[1] - self.digital[0]
        )
        return (self.physical[0] + gain * (self.digits - self.digital[0])) * scale


def to_bytes(digits, width):
    """Little-endian integers of 16 or 24 bits."""
    four = np.asarray(digits, "<i4").reshape(-1, 1).view(np.uint8)
    return four[:, :width].tobytes()


def stamp(onset, note=b"", width=120):
    """The annotations of one record: its time stamp, and one note or more."""
    return (f"{onset:+g}".encode() + b"\x14\x14\x00" + note).ljust(width, b"\x00")


def edf_bytes(channels, seconds, *, stamps, notes, sample_bytes, cut, fields):
    """The content of a file with records of one second."""
    kind = "BDF" if sample_bytes == 3 else "EDF"
    rng = np.random.default_rng(0)
    for channel in channels:
        if channel.digits is None:
            channel.digits = rng.integers(-3000, 3000, seconds * channel.sfreq)
    rows = [channel.fields(channel.sfreq) for channel in channels]
    if stamps is not None:
        label = f"{kind} Annotations"
        width = 120 // sample_bytes
        rows.append((label, "", "", -1, 1, -32768, 32767, "", width, ""))
    values = {
        "version": b"\xffBIOSEMI" if kind == "BDF" else "0",
        "patient": "X X X X",
        "recording": "Startdate 02-MAR-2020 X X X",
        "startdate": "02.03.20",
        "starttime": "22.00.00",
        "n_bytes": 256 * (len(rows) + 1),
        "reserved": "" if stamps is None else f"{kind}+C",
        "n_records": seconds,
        "record_duration": 1,
        "n_signals": len(rows),
        **fields,
    }
    header = b"".join(
        padded(values[name], width) for name, (_, width) in HEADER.items()
    )
    for number, width in enumerate(WIDTHS):
        header += b"".join(padded(row[number], width) for row in rows)
    records = []
    for i in range(seconds):
        for channel in channels:
            part = channel.digits[i * channel.sfreq : (i + 1) * channel.sfreq]
            records.append(to_bytes(part, sample_bytes))
        if stamps is not None:
            records.append(stamp(stamps[i], notes.get(i, b"")))
    content = header + b"".join(records)
    return content[: len(content) - cut]


@pytest.fixture
def write_edf(tmp_path):
    """A factory of files: ``write_edf([Channel(...)], seconds=60, ...)``.

    `stamps` are the onsets of the records (EDF+), `notes` more annotations by record,
    `cut` is how many bytes are missing at the end; other keywords are header fields.
    """

    def write(
        channels=(),
        seconds=60,
        *,
        name="night.edf",
        stamps=None,
        notes=None,
        sample_bytes=2,
        cut=0,
        **fields,
    ):
        path = tmp_path / name
        content = edf_bytes(
            channels or [write.Channel()],
            seconds,
            stamps=stamps,
            notes=notes or {},
            sample_bytes=sample_bytes,
            cut=cut,
            fields=fields,
        )
        path.write_bytes(content)
        return path

    write.Channel = Channel
    return write


@pytest.fixture
def read_rows(tmp_path):
    """Read a table as a hypnogram; a slash, or another sign, ends each row."""

    def read(text, *, end="/", **parameters):
        path = tmp_path / "night.csv"
        path.write_text(text.replace(end, "\n"))
        return read_hypnogram(path, **parameters)

    return read
