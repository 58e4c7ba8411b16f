"""Packages that io imports only when it needs them."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("mne", "scipy.signal", "sklearn", "torch")


def imported(code, *arguments):
    """Heavy packages that a new interpreter has imported after running `code`."""
    code += f"\nimport sys\nprint(*[n for n in {HEAVY} if n in sys.modules])"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.split()


CALLS = """
import sys, sleepkit.io as io
io.describe_channels(sys.argv[1])
io.read_recording(sys.argv[1]).n_epochs
io.read_recording(sys.argv[1]).signals["eeg"].data
"""


def test_a_plain_edf_imports_no_heavy_package(write_edf):
    assert imported(CALLS, write_edf()) == []
