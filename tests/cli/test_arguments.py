from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from sleepkit.cli._arguments import channel, unit


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("eeg=C4-M1", ("eeg", "C4-M1")),
        ("eeg= EEG(sec)", ("eeg", "EEG(sec)")),
        ("eog=LOC - ROC", ("eog", ("LOC", "ROC"))),
        ("emg=a=b", ("emg", "a=b")),
    ],
)
def test_channel(text, choice):
    assert channel(text) == choice


def test_unit():
    assert unit("C4-M1=uV") == ("C4-M1", "uV")
    assert unit("a=b=mV") == ("a=b", "mV")
    for text in ("C4-M1", "=uV", "C4-M1="):
        with pytest.raises(ArgumentTypeError, match="must be LABEL=UNIT"):
            unit(text)
