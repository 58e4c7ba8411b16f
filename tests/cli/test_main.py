"""What every subcommand has in common."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings

import pytest

from sleepkit import __version__
from sleepkit.cli import _info, main
from sleepkit.cli._parser import EXIT_CODES
from sleepkit.exceptions import SleepkitWarning
from sleepkit.io import read_hypnogram
from sleepkit.utils import progress_bar
from tests.hostile import edf


def test_module_and_function_are_the_same_command():
    command = [sys.executable, "-m", "sleepkit", "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == f"sleepkit {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["dream"], "invalid choice: 'dream'"),
        (["stage", "x.edf"], "required: --out"),
        (["completion", "csh"], "invalid choice: 'csh'"),
        (["convert", "x", "y", "--to", "docx"], "invalid choice: 'docx'"),
        (["convert", "x", "y", "--epoch-duration", "0"], "a number of seconds > 0"),
        (["convert", "x", "y", "--epoch-duration", "x"], "a number of seconds > 0"),
        (["train", "x", "--out", "y", "--scheme", "cats"], "invalid choice: 'cats'"),
        (["train", "x", "--out", "y", "--method", "x"], "invalid choice: 'x'"),
        (["train", "x", "--out", "y", "--folds", "-1"], "must be a whole number >= 0"),
        (["train", "x", "--out", "y", "--folds", "1"], "must be 0, or 2 or more"),
        (["train", "x", "--out", "y", "--subject-pattern", "("], "regular expression"),
        (["info", "x.edf", "--channels", "C4"], "MODALITY=LABEL for one of eeg, eog"),
        (["info", "x.edf", "--channels", "ecg=ECG"], "MODALITY=LABEL for one of eeg"),
        (["info", "x.edf", "--channels", "eeg=C4 - "], "must be MODALITY=LABEL"),
        (["demo", "--subjects", "3"], "must be a whole number >= 4; got '3'"),
        (["demo", "--subjects", "x"], "must be a whole number >= 4; got 'x'"),
        (["demo", "--hours", "0"], "must be 0.25 to 24.0 hours; got '0'"),
        (["demo", "--hours", "nan"], "must be 0.25 to 24.0 hours; got 'nan'"),
        (["demo", "--hours", "long"], "must be 0.25 to 24.0 hours; got 'long'"),
    ],
)
def test_wrong_usage(arguments, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert words in capsys.readouterr().err


def test_mistakes_take_one_line(run, tmp_path):
    path = tmp_path / "no.edf"
    assert run("info", path) == (1, "", f"sleepkit: There is no file {path}.\n")


def test_system_errors_name_the_file(run, tmp_path, monkeypatch):
    def refuse(_):
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder").read_text()

    monkeypatch.setattr(_info, "run", refuse)
    words = f"sleepkit: {tmp_path / 'folder'}: Is a directory.\n"
    assert run("info", "x.edf") == (1, "", words)


def test_interrupted(run, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_info, "run", interrupt)
    assert run("info", "x.edf") == (130, "", "sleepkit: stopped.\n")


def test_interrupted_with_a_word_on_what_is_done(run, monkeypatch):
    def interrupt(_):
        stop = KeyboardInterrupt()
        stop.add_note("2 of 3 fits are done.")
        raise stop

    monkeypatch.setattr(_info, "run", interrupt)
    words = "sleepkit: stopped. 2 of 3 fits are done.\n"
    assert run("info", "x.edf") == (130, "", words)


def test_a_reader_who_has_seen_enough(tmp_path, cohort, write_night):
    night = write_night(tmp_path / "night.edf", cohort[0])
    command = f"{sys.executable} -m sleepkit info {night} | true"
    answer = subprocess.run(command, shell=True, capture_output=True, check=True)
    assert answer.stderr == b""


def test_warnings_are_notes(run, monkeypatch):
    def warn(_):
        warnings.warn("two of three", SleepkitWarning, stacklevel=2)

    monkeypatch.setattr(_info, "run", warn)
    assert run("info", "x.edf") == (0, "", "note: two of three\n")


def test_quiet_is_without_notes_and_bars(run, monkeypatch):
    def work(_):
        warnings.warn("two of three", SleepkitWarning, stacklevel=2)
        list(progress_bar([1], "nights"))
        print("result")

    monkeypatch.setattr(_info, "run", work)
    assert run("info", "x.edf", "--quiet") == (0, "result\n", "")
    assert run("info", "no.edf") == (0, "result\n", "note: two of three\n")
    monkeypatch.undo()
    assert run("info", "no.edf", "--quiet")[0::2] == (
        1,
        "sleepkit: There is no file no.edf.\n",
    )


def test_bars_are_for_terminals(monkeypatch, capsys):
    monkeypatch.setattr(_info, "run", lambda _: progress_bar([1], "nights").close())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["info", "x.edf"]) == 0
    found = capsys.readouterr()
    assert "nights:   0%" in found.err
    assert found.out == ""
    assert main(["info", "x.edf", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


WAITING = """
import sys, time
from sleepkit.cli import _info, main

def run(_):
    print("ready", flush=True)
    time.sleep(60)

_info.run = run
sys.exit(main(["info", "x.edf"]))
"""


def test_exit_codes_of_processes(tmp_path):
    """Ctrl-C is what a terminal sends; the other codes are those of real files."""
    waiting = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout.readline() == "ready\n"
    waiting.send_signal(signal.SIGINT)
    assert waiting.communicate(timeout=60) == ("", "sleepkit: stopped.\n")
    codes = {130: waiting.returncode}
    (tmp_path / "stages.txt").write_text("W\nN1\nREM\n")
    for code, source, *options in (
        (0, "stages.txt"),
        (1, "no.txt"),
        (2, "stages.txt", "--to", "no"),
    ):
        command = [sys.executable, "-m", "sleepkit", "convert", source, "night.edf"]
        done = subprocess.run(
            [*command, "--json", "--quiet", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        codes[code] = done.returncode
        if code == 0:
            assert json.loads(done.stdout)["epochs"] == 3
            assert done.stderr == ""
        else:
            assert done.stdout == ""
            assert done.stderr != ""
    assert codes == {code: code for code in codes}
    assert set(codes) <= set(EXIT_CODES)
    assert read_hypnogram(tmp_path / "night.edf").stages.tolist() == [0, 1, 4]


@pytest.mark.parametrize("name", ["loop.edf", "a\0b.edf"])
@pytest.mark.parametrize("command", ["info", "stage", "train", "evaluate"])
def test_a_path_to_nothing(command, name, tmp_path, capsys):
    (tmp_path / "loop.edf").symlink_to(tmp_path / "loop.edf")
    path = str(tmp_path / name)
    model = {"stage": ["--model", path], "evaluate": ["--model", path]}
    out = [] if command == "info" else ["--out", str(tmp_path / "out")]
    assert main([command, path, *model.get(command, []), *out]) == 1
    error = capsys.readouterr().err
    assert error.startswith("sleepkit: ")
    assert "unexpected" not in error


def test_a_bug_is_a_message_with_its_place(monkeypatch, capsys):
    def fail(_):
        return {}["none"]

    monkeypatch.setattr("sleepkit.cli._info.find_nights", fail)
    assert main(["info", "night.edf"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("sleepkit: unexpected KeyError in sleepkit.cli._info, line")


@pytest.mark.parametrize("place", [">&-", "2>&-", "> /dev/full"])
def test_output_that_takes_nothing(place, tmp_path):
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no such device here")
    command = f"{sys.executable} -m sleepkit info {tmp_path}/none.edf {place}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    help_text = f"{sys.executable} -m sleepkit --help {place}"
    done = subprocess.run(help_text, shell=True, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_output_of_ascii_takes_any_label(tmp_path):
    path = tmp_path / "night.edf"
    path.write_bytes(edf.plain().replace(b"Temp ", b"T\xb5\x1b  ", 1))
    done = subprocess.run(
        [sys.executable, "-m", "sleepkit", "info", str(path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert r"T\xb5\x1b" in done.stdout
