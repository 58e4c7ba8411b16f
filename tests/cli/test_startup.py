"""What the commands import: that is nearly all of the time that short ones take."""

from __future__ import annotations

import json
import subprocess
import sys

from sleepkit.cli._parser import COMMANDS

LARGE = {"joblib", "matplotlib", "mne", "numpy", "scipy", "skops", "sklearn", "torch"}
COMPILERS = {"sympy", "torch._dynamo", "torch._inductor", "torch.onnx"}


CALLS = """
import json, sys
from sleepkit.cli import main
for arguments in json.loads(sys.argv[1]):
    try: main(arguments)
    except SystemExit: pass
    print('\\nmodules:', *sys.modules)
"""


def imported_by_each(*calls):
    """Names in `sys.modules` after each of some commands, in a fresh interpreter."""
    texts = json.dumps([[str(word) for word in arguments] for arguments in calls])
    command = [sys.executable, "-c", CALLS, texts]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = answer.stdout.splitlines()
    return [set(line.split()[1:]) for line in lines if line.startswith("modules:")]


def imported_by(*arguments):
    """Names in `sys.modules` after a command, in a fresh interpreter."""
    return imported_by_each(arguments)[0]


def test_help_and_wrong_arguments():
    """In one interpreter, since each start takes time."""
    calls = [
        ["--help"],
        ["--version"],
        ["dream"],
        ["stage", "night.edf"],
        ["train", "nights", "--out", "my.model", "--method", "dream"],
        *([name, "--help"] for name in COMMANDS),
        ["completion", "bash"],
    ]
    found = imported_by_each(*calls)
    large = [(call, LARGE & names) for call, names in zip(calls, found, strict=True)]
    assert [entry for entry in large if entry[1]] == []


def test_info(tmp_path, cohort, write_night):
    night = write_night(tmp_path / "night.edf", cohort[0])
    assert LARGE & imported_by("info", night) == {"joblib", "numpy"}


def test_stage(tmp_path, cohort, write_night, save_quick):
    model = save_quick("medfusesleep")
    night = write_night(tmp_path / "night.edf", cohort[0])
    found = imported_by("stage", night, "--model", model, "--out", tmp_path)
    assert (tmp_path / "night-hypnogram.csv").exists()
    assert {"torch", "sklearn"} <= found
    assert not {"mne", "skops", "sklearn.ensemble", *COMPILERS} & found


def test_prepare(folder, tmp_path):
    """No worker's memory holds torch, which features do not need."""
    found = imported_by("prepare", folder, "--out", tmp_path / "store")
    assert (tmp_path / "store" / "steps.model").exists()
    assert {"torch", "mne"} & found == set()
