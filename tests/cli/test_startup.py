"""What the commands import: that is nearly all of the time that short ones take."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE = {"joblib", "matplotlib", "mne", "numpy", "scipy", "skops", "sklearn", "torch"}
COMPILERS = {"sympy", "torch._dynamo", "torch._inductor", "torch.onnx"}


def imported_by(*arguments):
    """Names in `sys.modules` after a command, in a fresh interpreter."""
    code = (
        "import sys\n"
        "from sleepkit.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('modules:', *sys.modules)"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(answer.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["dream"],
        ["stage", "night.edf"],
        ["train", "nights", "--out", "my.model", "--method", "dream"],
        *([name, "--help"] for name in ("demo", "info", "prepare", "train", "stage")),
    ],
    ids=" ".join,
)
def test_help_and_wrong_arguments(arguments):
    assert not LARGE & imported_by(*arguments)


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
