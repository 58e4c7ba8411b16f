from __future__ import annotations

import pytest

from sleepkit.cli._arguments import channel


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
