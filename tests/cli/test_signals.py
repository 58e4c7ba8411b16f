from __future__ import annotations

import os
import signal

import pytest

from sleepkit.cli import _info, main

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def stopped_by(monkeypatch):
    """``stopped_by(number)``: exit code of a command that gets a signal."""

    def run(number):
        monkeypatch.setattr(_info, "run", lambda _: os.kill(os.getpid(), number))
        return main(["info", "x.edf"])

    return run


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_a_command_as_an_interrupt_does(stopped_by, number, capsys):
    before = signal.getsignal(number)
    assert stopped_by(number) == 128 + number
    assert capsys.readouterr().err == "sleepkit: stopped.\n"
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None])
def test_a_handler_of_the_user_stays(stopped_by, handler):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        assert stopped_by(signal.SIGHUP) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
