from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from sleepkit.cli._parser import COMMANDS

pytest.importorskip("shtab")


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_the_script_knows_commands_and_their_arguments(run, shell):
    code, script, error = run("completion", shell)
    assert (code, error) == (0, "")
    assert all(command in script for command in COMMANDS)
    assert "trim-wake" in script
    assert "edfbrowser" in script  # a choice of convert --to


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes(run, tmp_path):
    (tmp_path / "night.edf").write_text("")
    script = tmp_path / "script"
    script.write_text(run("completion", "bash")[1])
    cases = {
        "st": ["stage"],
        "train --trim": ["--trim-wake"],
        "convert night.csv out.csv --to ed": ["edf", "edfbrowser"],
        "info ni": ["night.edf"],
        "prepare --cohort sh": ["shhs"],
    }
    lines = [f"source {script}"]
    for words in cases:
        lines += [
            f"COMP_WORDS=(sleepkit {words})",
            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))",
            "COMPREPLY=()",
            "_shtab_sleepkit sleepkit",
            'echo "${COMPREPLY[*]}"',
        ]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert [line.split() for line in done.stdout.splitlines()] == list(cases.values())


def test_without_the_package(fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    words = fails("completion", "bash")
    assert words == (
        "This needs the package 'shtab', which is not installed: "
        "pip install 'sleepkit-learn[completion]'."
    )
