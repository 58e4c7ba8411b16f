from __future__ import annotations

from datetime import datetime

import pytest

from sleepkit.io import read_recording


def start(path):
    return read_recording(path).start


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, datetime(2020, 3, 2, 22)),
        ({"recording": "", "startdate": "02.03.85"}, datetime(1985, 3, 2, 22)),
        ({"recording": "", "startdate": "00.00.00"}, datetime(1985, 1, 1, 22)),
        ({"recording": "", "startdate": "02.03.84"}, datetime(2084, 3, 2, 22)),
        ({"recording": "", "startdate": "02/03/99"}, datetime(1999, 3, 2, 22)),
        ({"recording": "", "startdate": "2.3.2020"}, datetime(2020, 3, 2, 22)),
        ({"recording": "", "startdate": b"2. 3.20\0"}, datetime(2020, 3, 2, 22)),
        ({"startdate": "01.01.19"}, datetime(2020, 3, 2, 22)),  # EDF+ goes first
        # years of two digits, where the full year belongs
        ({"recording": "Startdate 01-JAN-20 X X X"}, datetime(2020, 1, 1, 22)),
        ({"recording": "Startdate 01-JAN-85 X X X"}, datetime(1985, 1, 1, 22)),
        ({"recording": "Startdate 01-JAN-84 X X X"}, datetime(2084, 1, 1, 22)),
        ({"recording": "startdate 1-jan-2019"}, datetime(2019, 1, 1, 22)),
        # where the date of EDF+ is none, the short one counts
        ({"recording": "Startdate X X X X"}, datetime(2020, 3, 2, 22)),
        ({"recording": "Startdate 01-JAN-0020 X"}, datetime(2020, 1, 1, 22)),
        ({"recording": "Startdate 01-JAN-9999 X"}, datetime(2020, 3, 2, 22)),
        ({"recording": "Startdate 02-MAI-2021 X"}, datetime(2020, 3, 2, 22)),
        ({"recording": "Startdate 31-FEB-2020 X"}, datetime(2020, 3, 2, 22)),
        (
            {"recording": "Startdate X", "startdate": "01.01.85"},
            datetime(1985, 1, 1, 22),
        ),
        (
            {
                "recording": "Startdate X",
                "startdate": "01.01.85",
                "starttime": "00.00.00",
            },
            None,
        ),
        ({"starttime": "00.00.00"}, datetime(2020, 3, 2)),
        ({"starttime": "24.60.00"}, None),
        ({"starttime": ""}, None),
        ({"starttime": "22:30:00"}, datetime(2020, 3, 2, 22, 30)),
        ({"starttime": " 9. 5. 1"}, datetime(2020, 3, 2, 9, 5, 1)),
    ],
)
def test_start(write_edf, fields, expected):
    assert start(write_edf(**fields)) == expected


def test_edf_plus_starts_at_its_first_record(write_edf):
    path = write_edf(stamps=[i + 0.5 for i in range(60)])
    assert start(path) == datetime(2020, 3, 2, 22, 0, 0, 500_000)


def test_latin_1_notes_do_no_harm(write_edf):
    note = "+1\x14Körperlage\x14\x00".encode("latin-1")
    path = write_edf(stamps=range(60), notes={0: note})
    assert start(path) == datetime(2020, 3, 2, 22)
